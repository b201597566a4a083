import { RecordingError } from '../errors.ts'
import { FRAME_TYPES, type Frame } from '../format/layout.ts'
import { decodeBlock } from '../format/read-block.ts'

/** A clock that didn't go as the other one did, between one frame and the next. */
export interface ClockJump {
  /** `wall`: it was set, or the machine slept. `monotonic`: it went back, which within one boot it never does. */
  readonly clock: 'wall' | 'monotonic'
  /** The frame before which it was. */
  readonly seq: number
  /** By how many milliseconds; negative where it went back. */
  readonly ms: number
}

/** Clocks are corrected by less all the time. */
const JUMP_MS_MIN = 5_000
/** More say nothing more. */
const JUMPS_MAX = 100

/** Compares the two clocks of frames that follow each other. A jump is worth knowing, and says nothing against a recording. */
export class ClockWatch {
  readonly jumps: ClockJump[] = []
  #monoMs: number | null = null
  #wallMs = 0

  take(frame: Frame): void {
    const monoMs = wholeAt(frame.bytes, MONO_AT) / 1e6
    const wallMs = wholeAt(frame.bytes, WALL_AT) / 1e3
    const elapsed = this.#monoMs === null ? 0 : monoMs - this.#monoMs
    const jump = this.#monoMs === null ? 0 : wallMs - this.#wallMs - elapsed
    const isOdd = elapsed < 0 || Math.abs(jump) >= JUMP_MS_MIN
    if (isOdd && isOfOtherBoot(frame)) return
    if (isOdd && this.jumps.length < JUMPS_MAX) {
      this.jumps.push(
        elapsed < 0
          ? { clock: 'monotonic', seq: frame.seq, ms: Math.round(elapsed) }
          : { clock: 'wall', seq: frame.seq, ms: Math.round(jump) },
      )
    }
    this.#monoMs = monoMs
    this.#wallMs = wallMs
  }
}

const MONO_AT = 14
const WALL_AT = 22

/** Eight bytes as a number, near enough to tell seconds: making two bigints a frame would cost a tenth of verifying it. */
function wholeAt(bytes: Uint8Array, at: number): number {
  let whole = 0
  for (let i = at; i < at + 8; i++) whole = whole * 256 + (bytes[i] ?? 0)
  return whole
}

/** What recovery appended has the times of who recovered, whose monotonic clock has another origin. */
function isOfOtherBoot(frame: Frame): boolean {
  if (frame.type === FRAME_TYPES.recovery) return true
  if (frame.type !== FRAME_TYPES.block || !frame.clear) return false
  try {
    return decodeBlock(frame).fromTail
  } catch (error) {
    if (error instanceof RecordingError) return false
    throw error
  }
}
