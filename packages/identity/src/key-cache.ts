import type { PublicKey } from './algorithms.ts'
import type { KeySet } from './fetch-keys.ts'
import { IdentityError } from './identity-error.ts'
import type { World } from './world.ts'

/** How long keys are good for, in milliseconds. */
export interface KeyCacheLimits {
  /** Within this time keys are used without asking, and a removed key may still be taken. */
  readonly freshMs: number
  /** After it, and while the issuer can't be reached, they are used up to this age. At most an hour. */
  readonly staleMsMax: number
}

/** What became of a refresh, for metrics and logs. */
export type KeyEvent =
  | { readonly kind: 'refreshed'; readonly keys: number }
  | { readonly kind: 'refresh-failed'; readonly cause: unknown; readonly failures: number; readonly retryInMs: number }

/** Gives the key of an id. */
export type KeyFinder = (kid: string) => Promise<PublicKey>

/** An unknown key id makes us ask again, but never more often than this: threats F3. */
const UNKNOWN_KEY_MS_MIN = 30_000
const RETRY_MS_FIRST = 1_000
const RETRY_MS_MAX = 30_000
const STALE_MS_LIMIT = 3_600_000

interface Held {
  readonly keys: KeySet
  readonly at: number
  /** Spread, so that many replicas don't all ask at once. */
  readonly freshMs: number
}

/**
 * Keeps an issuer's keys: one refresh at a time, back-off with jitter while the issuer is down, and an explicit window
 * for stale keys, after which everything is refused.
 *
 * @throws IdentityError `KEY_UNKNOWN` where fresh keys don't have the id, `KEYS_UNAVAILABLE` where there are none to tell by.
 */
export function keyCache(
  load: () => Promise<KeySet>,
  limits: KeyCacheLimits,
  { clock, random }: Pick<World, 'clock' | 'random'>,
  report: (event: KeyEvent) => void,
): KeyFinder {
  checkLimits(limits)
  let held: Held | null = null
  let refreshing: Promise<void> | null = null
  let askedAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let retryInMs = 0

  const refresh = async (): Promise<void> => {
    askedAt = clock.monotonic()
    try {
      const keys = await load()
      // Their age counts from the question: an answer on its way may be outdated already.
      held = { keys, at: askedAt, freshMs: limits.freshMs * (0.9 + 0.1 * random()) }
      failures = 0
      report({ kind: 'refreshed', keys: keys.size })
    } catch (cause) {
      failures++
      retryInMs = Math.min(RETRY_MS_FIRST * 2 ** (failures - 1), RETRY_MS_MAX) * (0.5 + 0.5 * random())
      report({ kind: 'refresh-failed', cause, failures, retryInMs })
    }
  }
  const mayAsk = (isFresh: boolean): boolean => {
    const sinceMs = clock.monotonic() - askedAt
    return isFresh ? sinceMs >= UNKNOWN_KEY_MS_MIN : failures === 0 || sinceMs >= retryInMs
  }
  const ageMs = (): number => (held ? clock.monotonic() - held.at : Number.POSITIVE_INFINITY)
  const isFresh = (): boolean => held !== null && ageMs() < held.freshMs

  return async kid => {
    if (!(isFresh() && held?.keys.has(kid)) && (refreshing || mayAsk(isFresh()))) {
      refreshing ??= refresh().finally(() => {
        refreshing = null
      })
      await refreshing
    }
    const key = held?.keys.get(kid)
    if (key && ageMs() <= limits.staleMsMax) return key
    if (isFresh()) throw new IdentityError('KEY_UNKNOWN', 'token is signed with a key that its issuer does not publish')
    throw new IdentityError('KEYS_UNAVAILABLE', 'the keys of the issuer cannot be had: try again later')
  }
}

function checkLimits({ freshMs, staleMsMax }: KeyCacheLimits): void {
  if (freshMs > 0 && staleMsMax >= freshMs && staleMsMax <= STALE_MS_LIMIT) return
  throw new IdentityError('CONFIG_INVALID', 'expected 0 < freshMs <= staleMsMax <= 3600000')
}
