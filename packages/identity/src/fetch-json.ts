import { IdentityError } from './identity-error.ts'
import { type JsonObject, parseStrictObject } from './strict-json.ts'
import type { World } from './world.ts'

const BODY_BYTES_MAX = 262_144
const FETCH_MS_MAX = 5_000

/**
 * Fetches a JSON object: status 200, no redirects, at most 256 KiB, within five seconds.
 *
 * @throws IdentityError `KEYS_UNAVAILABLE`.
 */
export async function fetchJson(url: string, { fetch, sleep }: World): Promise<JsonObject> {
  const overdue = new AbortController()
  const done = new AbortController()
  const alarm = sleep(FETCH_MS_MAX, done.signal).then(
    () => {
      overdue.abort()
      throw new IdentityError('KEYS_UNAVAILABLE', `\`${url}\` did not answer within ${FETCH_MS_MAX} ms`)
    },
    () => new Promise<never>(() => undefined),
  )
  const fetched = readObject(url, fetch, overdue.signal)
  // Whichever loses the race must not become an unhandled rejection.
  fetched.catch(() => undefined)
  try {
    return await Promise.race([fetched, alarm])
  } catch (cause) {
    if (cause instanceof IdentityError) throw cause
    throw new IdentityError('KEYS_UNAVAILABLE', `\`${url}\` could not be fetched`, { cause })
  } finally {
    done.abort()
  }
}

async function readObject(url: string, fetch: World['fetch'], signal: AbortSignal): Promise<JsonObject> {
  const response = await fetch(url, { redirect: 'error', signal, headers: { accept: 'application/json' } })
  if (response.status !== 200 || response.redirected || response.body === null) {
    await response.body?.cancel()
    throw new IdentityError('KEYS_UNAVAILABLE', `\`${url}\` answered with status ${response.status}, expected 200`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > BODY_BYTES_MAX) {
      throw new IdentityError('KEYS_UNAVAILABLE', `\`${url}\` answered with more than ${BODY_BYTES_MAX} bytes`)
    }
    chunks.push(chunk)
  }
  const object = parseStrictObject(Buffer.concat(chunks))
  if (object) return object
  throw new IdentityError('KEYS_UNAVAILABLE', `\`${url}\` answered with something other than a JSON object`)
}
