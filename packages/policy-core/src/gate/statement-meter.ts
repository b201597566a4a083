import type { Refusal } from '../decision.ts'
import type { StatementRate } from '../policy/standing.ts'
import { type Identity, identityKey } from '../principal.ts'

/** How statements are counted: in slots of time, so that what is kept of somebody doesn't grow with what they send. */
interface Window {
  readonly slotMs: number
  readonly slots: number
  readonly words: string
}

// One slot more than the window has: a count never leaves out what was sent within it.
const MINUTE: Window = { slotMs: 1_000, slots: 61, words: 'minute' }
const DAY: Window = { slotMs: 900_000, slots: 97, words: '24 hours' }
const WINDOWS = [MINUTE, DAY] as const

/** Whoever sent nothing for this long has nothing left to count. */
const FORGOTTEN_MS = DAY.slotMs * DAY.slots

interface Count {
  readonly counts: Uint32Array
  /** The slot that was counted in last, from the clock's origin. */
  at: number
}

/** How many values a statement looks up in the columns of one mask entry, and how many it may. */
export interface LookupCharge {
  /** The position in the policy's `masks` list. */
  readonly entry: number
  readonly perMinuteMax: number | null
  readonly perDayMax: number | null
  readonly amount: number
}

interface Meter {
  readonly windows: readonly Count[]
  seenMs: number
}

/**
 * Counts the statements that somebody sends to a target, over all sessions of one gate. Those that are refused count too;
 * those that are refused for being too many don't, or nobody who tries again would ever get through. Counts lookups in
 * masked columns likewise, each value for itself.
 */
export class StatementMeter {
  readonly #meters = new Map<string, Meter>()
  readonly #monotonic: () => number
  readonly #metersMax: number

  constructor(monotonic: () => number, { metersMax }: { readonly metersMax: number }) {
    this.#monotonic = monotonic
    this.#metersMax = metersMax
  }

  /** Counts a statement for each of those whose rates these are, or gives why it is one too many. */
  take(rates: readonly StatementRate[], target: string): Refusal | null {
    if (rates.length === 0) return null
    return this.#takeAll(
      rates.map(rate => ({
        ...rate,
        key: JSON.stringify([identityKey(rate.of), target]),
        amount: 1,
        words: STATEMENTS,
      })),
    )
  }

  /** Counts lookups for each of those who ask, or gives why they are too many: then none is counted. */
  takeLookups(identities: readonly Identity[], target: string, charges: readonly LookupCharge[]): Refusal | null {
    const limited = charges.filter(
      ({ perMinuteMax, perDayMax, amount }) => amount > 0 && (perMinuteMax !== null || perDayMax !== null),
    )
    return this.#takeAll(
      identities.flatMap(identity =>
        limited.map(charge => ({
          ...charge,
          key: JSON.stringify([identityKey(identity), target, charge.entry]),
          words: LOOKUPS,
        })),
      ),
    )
  }

  #takeAll(charges: readonly Charge[]): Refusal | null {
    if (charges.length === 0) return null
    const nowMs = this.#monotonic()
    const taken: (readonly [Meter, number])[] = []
    for (const charge of charges) {
      const meter = this.#meterOf(charge.key, nowMs)
      if (meter === null) return CROWDED
      const refusal = whyTooMany(meter, charge, nowMs)
      if (refusal !== null) return refusal
      taken.push([meter, charge.amount])
    }
    for (const [meter, amount] of taken) count(meter, amount, nowMs)
    return null
  }

  #meterOf(key: string, nowMs: number): Meter | null {
    const known = this.#meters.get(key)
    if (known !== undefined) {
      // The least recently seen are first.
      this.#meters.delete(key)
      this.#meters.set(key, known)
      return known
    }
    if (this.#meters.size >= this.#metersMax && !this.#forget(nowMs)) return null
    const meter: Meter = {
      windows: WINDOWS.map(({ slots }) => ({ counts: new Uint32Array(slots), at: 0 })),
      seenMs: nowMs,
    }
    this.#meters.set(key, meter)
    return meter
  }

  /** Makes room by forgetting whoever has nothing left to count. To forget others would be to give them a new count. */
  #forget(nowMs: number): boolean {
    for (const [key, { seenMs }] of this.#meters) {
      if (nowMs - seenMs < FORGOTTEN_MS) break
      this.#meters.delete(key)
    }
    return this.#meters.size < this.#metersMax
  }
}

/** So many of something, against how many there may be. */
interface Charge {
  readonly key: string
  readonly perMinuteMax: number | null
  readonly perDayMax: number | null
  readonly amount: number
  readonly words: Words
}

/** What is counted, as a refusal says it. */
interface Words {
  readonly what: string
  readonly done: string
  readonly again: string
}

const STATEMENTS: Words = { what: 'send', done: 'statements', again: 'send it again' }
const LOOKUPS: Words = { what: 'look up', done: 'values in a masked column', again: 'look it up again' }

function whyTooMany({ windows }: Meter, charge: Charge, nowMs: number): Refusal | null {
  const { perMinuteMax, perDayMax, amount, words } = charge
  let refusal: Refusal | null = null
  for (const [index, max] of [perMinuteMax, perDayMax].entries()) {
    const window = WINDOWS[index]
    const one = windows[index]
    if (max === null || window === undefined || one === undefined) continue
    advance(one, window, nowMs)
    if (amount > max) return tooManyAtOnce(max, window, words)
    const waitMs = waitFor(one, window, max - amount + 1, nowMs)
    if (waitMs > 0) refusal = tooMany(max, window, words, waitMs)
  }
  return refusal
}

/** Empties the slots that the clock has come round to. */
function advance(one: Count, { slotMs, slots }: Window, nowMs: number): void {
  const at = Math.floor(nowMs / slotMs)
  for (let slot = Math.max(one.at + 1, at - slots + 1); slot <= at; slot++) one.counts[slot % slots] = 0
  one.at = Math.max(one.at, at)
}

/** How long until fewer than so many are counted: 0 where that is so now. */
function waitFor({ counts, at }: Count, { slotMs, slots }: Window, max: number, nowMs: number): number {
  let left = counts.reduce((sum, each) => sum + each, 0) - max
  if (left < 0) return 0
  for (let slot = at - slots + 1; slot <= at; slot++) {
    left -= counts[((slot % slots) + slots) % slots] ?? 0
    if (left < 0) return Math.max(1, (slot + slots) * slotMs - nowMs)
  }
  return slots * slotMs
}

function count(meter: Meter, amount: number, nowMs: number): void {
  meter.seenMs = nowMs
  for (const [index, window] of WINDOWS.entries()) {
    const one = meter.windows[index]
    if (one === undefined) continue
    advance(one, window, nowMs)
    const slot = one.at % window.slots
    one.counts[slot] = (one.counts[slot] ?? 0) + amount
  }
}

const tooMany = (max: number, { words: window }: Window, { what, done, again }: Words, waitMs: number): Refusal => ({
  code: 'LIMIT_EXCEEDED',
  rule: null,
  message: `statement refused: the policy lets you ${what} ${max} ${done} in any ${window}, and there is no room for more now`,
  hint: `${again} in ${Math.ceil(waitMs / 1_000)} s; another session changes nothing`,
  place: null,
  request: null,
})

const tooManyAtOnce = (max: number, { words: window }: Window, { what, done }: Words): Refusal => ({
  code: 'LIMIT_EXCEEDED',
  rule: null,
  message: `statement refused: the policy lets you ${what} ${max} ${done} in any ${window}, and this needs more at once`,
  hint: 'send it in smaller parts',
  place: null,
  request: null,
})

const CROWDED: Refusal = {
  code: 'LIMIT_EXCEEDED',
  rule: null,
  message: 'statement refused: the statements of more people are counted now than can be',
  hint: "try again later, or tell the gateway's operator; nothing was run",
  place: null,
  request: null,
}
