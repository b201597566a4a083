import { FrameError } from '../bytes/frame-error.ts'
import { LENGTH_MAX } from '../bytes/writer.ts'
import { FRONTEND } from './tags.ts'

/** Bytes of tag and length before a frame's body. Manual 54.7. */
export const HEADER_BYTES = 5

const LENGTH_MIN = 4

/** What frames a peer may send now. Their form is the manual's, 54.2 and 54.7: a tag, a length that counts itself, a body. */
export interface FrameRules {
  /** The largest whole frame, tag and length included, in bytes. */
  readonly frameBytesMax: number
  /** The tags that may come, or the tags with a smaller limit of whole-frame bytes for each. */
  readonly tags: ReadonlySet<number> | ReadonlyMap<number, number>
}

// PQ_SMALL_MESSAGE_LIMIT, src/include/libpq/libpq.h: the length field, which doesn't count the tag.
const SMALL_FRAME_BYTES_MAX = 10_000 + 1

/**
 * Limits for the frames of a client that has logged in, as the server itself sets them: the kinds that can't be long may
 * have 10 001 bytes, the others what the protocol allows. Source: `SocketBackend`, src/backend/tcop/postgres.c.
 *
 * @example
 * new FrameBuffer({ frameBytesMax: 16 * 1024 * 1024, tags: FRONTEND_LIMITS })
 */
export const FRONTEND_LIMITS: ReadonlyMap<number, number> = new Map([
  [FRONTEND.bind, LENGTH_MAX + 1],
  [FRONTEND.close, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.copyData, LENGTH_MAX + 1],
  [FRONTEND.copyDone, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.copyFail, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.describe, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.execute, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.flush, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.functionCall, LENGTH_MAX + 1],
  [FRONTEND.parse, LENGTH_MAX + 1],
  [FRONTEND.query, LENGTH_MAX + 1],
  [FRONTEND.sync, SMALL_FRAME_BYTES_MAX],
  [FRONTEND.terminate, SMALL_FRAME_BYTES_MAX],
])

/** Limits by tag, compiled: `bytesMax[tag]` is 0 for a tag that may not come. */
export type FrameLimits = Uint32Array

/** Compiles rules into a table with one look-up a frame. */
export function compileFrameRules({ frameBytesMax, tags }: FrameRules): FrameLimits {
  assertFrameBytesMax(frameBytesMax)
  const limits = new Uint32Array(256)
  if (tags instanceof Map) {
    for (const [tag, bytesMax] of tags) {
      assertFrameBytesMax(bytesMax)
      limits[tag] = Math.min(bytesMax, frameBytesMax)
    }
    return limits
  }
  for (const tag of tags.keys()) limits[tag] = frameBytesMax
  return limits
}

/** Refuses a tag that may not come, before its length has arrived. */
export function checkTag(limits: FrameLimits, tag: number): void {
  if (!limits[tag]) throw new FrameError('UNKNOWN_TAG', `tag ${tag} is not one that may come here`, { tag })
}

/**
 * The bytes of a whole frame, from its header alone.
 *
 * @param length the length field, read as unsigned
 */
export function checkedFrameBytes(limits: FrameLimits, tag: number, length: number): number {
  const bytes = length + 1
  // One test for the frames that pass, of which there may be millions a second; the reasons are found after it.
  if (length >= LENGTH_MIN && bytes <= (limits[tag] ?? 0)) return bytes
  checkTag(limits, tag)
  throw lengthError(tag, length, limits[tag] ?? 0)
}

function lengthError(tag: number, length: number, bytesMax: number): FrameError {
  if (length < LENGTH_MIN) {
    return new FrameError('TOO_SMALL', `length ${length} is less than the ${LENGTH_MIN} bytes it counts of itself`, {
      tag,
      length,
    })
  }
  const bytes = length + 1
  return new FrameError('TOO_LARGE', `frame of ${bytes} bytes exceeds the limit of ${bytesMax}`, {
    tag,
    bytes,
    bytesMax,
  })
}

function assertFrameBytesMax(bytes: number): void {
  if (!Number.isInteger(bytes) || bytes < HEADER_BYTES || bytes > LENGTH_MAX + 1) {
    throw new RangeError(`frame limit ${bytes} is not an integer from ${HEADER_BYTES} to ${LENGTH_MAX + 1}`)
  }
}
