import {
  type AuthenticationStage,
  BACKEND_TAGS,
  FRONTEND,
  FRONTEND_TAGS,
  FrameError,
  STARTUP_BYTES_MAX,
  STARTUP_BYTES_MIN,
} from '../../src/postgres/index.ts'
import type { Subject } from './subject.ts'

export type Direction = 'frontend' | 'backend'

/** What a law is tried on. */
export interface Trial {
  /** Frames of one side one after the other, or `startup`: one packet and what came after it. */
  readonly kind: Direction | 'startup'
  readonly bytes: Uint8Array
  /** Where the bytes are cut into chunks, in rising order. */
  readonly cuts: readonly number[]
  readonly frameBytesMax: number
  /** Where the frames start that are sound by the grammar and so have to be accepted. */
  readonly sound: ReadonlySet<number>
}

/** A law that doesn't hold. */
export interface Broken {
  readonly law: string
  readonly detail: string
}

/** Counts verdicts by tag; start-up packets have the tag -1. */
export type Tally = (tag: number, isAccepted: boolean) => void

const HEADER_BYTES = 5
const STAGES: readonly (AuthenticationStage | null)[] = ['password', 'saslInitial', 'sasl', 'gss', null]
const NO_STAGE: readonly (AuthenticationStage | null)[] = [null]
/** The one buffer that all chunks come in, as a socket's is with `onread`; it grows as needed. */
let socketBuffer = new Uint8Array(1 << 16)

/** Tries every law on some bytes; null where all hold. */
export function tryLaws(subject: Subject, trial: Trial, tally: Tally): Broken | null {
  if (trial.kind === 'startup') return tryStartup(subject, trial, tally)
  const tags = trial.kind === 'frontend' ? FRONTEND_TAGS : BACKEND_TAGS
  const expected = split(trial, tags)
  const broken = tryBuffer(subject, trial, tags, expected) ?? tryScanner(subject, trial, tags, expected)
  if (broken !== null) return broken
  if (expected.error !== null) tally(trial.bytes[expected.end] ?? 0, false)
  for (let i = 0; i < expected.starts.length; i++) {
    const start = expected.starts[i] ?? 0
    const frame = trial.bytes.subarray(start, expected.starts[i + 1] ?? expected.end)
    const found = tryMessage(subject, trial.kind, frame, trial.sound.has(start), tally)
    if (found !== null) return found
  }
  return null
}

interface Split {
  readonly starts: readonly number[]
  /** Where the last whole frame ends. */
  readonly end: number
  readonly error: string | null
}

/** Frames by the manual's rule alone: a tag, an Int32 length that counts itself, and as much more. */
function split({ bytes, frameBytesMax }: Trial, tags: ReadonlySet<number>): Split {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const starts: number[] = []
  for (let at = 0; ; ) {
    if (at === bytes.length) return { starts, end: at, error: null }
    if (!tags.has(view.getUint8(at))) return { starts, end: at, error: 'UNKNOWN_TAG' }
    if (bytes.length - at < HEADER_BYTES) return { starts, end: at, error: null }
    const length = view.getUint32(at + 1)
    if (length < 4) return { starts, end: at, error: 'TOO_SMALL' }
    if (length + 1 > frameBytesMax) return { starts, end: at, error: 'TOO_LARGE' }
    if (bytes.length - at < length + 1) return { starts, end: at, error: null }
    starts.push(at)
    at += length + 1
  }
}

/** Chunks as a socket hands them over: each overwrites the one before. */
function eachChunk({ bytes, cuts }: Trial, use: (chunk: Uint8Array) => void): void {
  if (socketBuffer.length < bytes.length) socketBuffer = new Uint8Array(bytes.length * 2)
  let from = 0
  for (let i = 0; i <= cuts.length; i++) {
    const to = cuts[i] ?? bytes.length
    if (to > from) {
      socketBuffer.set(bytes.subarray(from, to))
      use(socketBuffer.subarray(0, to - from))
      socketBuffer.fill(0xee, 0, to - from)
    }
    from = to
  }
}

const frameLaw = (name: string, detail: string): Broken => ({ law: `${name} gives the frames that came`, detail })

function tryBuffer(subject: Subject, trial: Trial, tags: ReadonlySet<number>, expected: Split): Broken | null {
  const buffer = new subject.FrameBuffer({ frameBytesMax: trial.frameBytesMax, tags })
  const frames: Uint8Array[] = []
  let isPeekWrong = false
  const error = refusal(() =>
    eachChunk(trial, chunk => {
      buffer.push(chunk)
      for (;;) {
        const told = buffer.peek()
        const frame = buffer.next()
        isPeekWrong ||= told !== frame?.tag
        if (frame === undefined) return
        frames.push(frame.bytes)
      }
    }),
  )
  if (isPeekWrong) return frameLaw('FrameBuffer', 'peek told another tag than next')
  return compareFrames('FrameBuffer', trial.bytes, expected, frames, error)
}

function tryScanner(subject: Subject, trial: Trial, tags: ReadonlySet<number>, expected: Split): Broken | null {
  const scanner = new subject.FrameScanner({ frameBytesMax: trial.frameBytesMax, tags })
  const frames: Uint8Array[] = []
  const error = refusal(() =>
    eachChunk(trial, chunk => {
      scanner.push(chunk)
      while (scanner.next()) {
        const frame = scanner.bytes.subarray(scanner.start, scanner.end)
        // What lies in the chunk is only there for now; what was joined has to stay as it is.
        frames.push(frame.buffer === chunk.buffer ? frame.slice() : frame)
      }
    }),
  )
  return compareFrames('FrameScanner', trial.bytes, expected, frames, error)
}

function compareFrames(
  name: string,
  bytes: Uint8Array,
  { starts, end, error: expectedError }: Split,
  frames: readonly Uint8Array[],
  error: string | null,
): Broken | null {
  if (error !== expectedError) return frameLaw(name, `ended with ${error}, expected ${expectedError}`)
  if (frames.length !== starts.length) return frameLaw(name, `gave ${frames.length} frames, expected ${starts.length}`)
  for (let i = 0; i < frames.length; i++) {
    if (!same(frames[i], bytes.subarray(starts[i], starts[i + 1] ?? end))) return frameLaw(name, `frame ${i} differs`)
  }
  return null
}

function tryMessage(
  subject: Subject,
  direction: Direction,
  frame: Uint8Array,
  isSound: boolean,
  tally: Tally,
): Broken | null {
  const tag = frame[0] ?? 0
  const body = frame.subarray(HEADER_BYTES)
  let isAccepted = false
  const stages = direction === 'frontend' && tag === FRONTEND.password ? STAGES : NO_STAGE
  for (const stage of stages) {
    const again = roundTrip(() => {
      if (direction === 'frontend') return subject.encodeFrontend(subject.decodeFrontend({ tag, body }, stage))
      const message = subject.decodeBackend({ tag, body })
      const encoded = subject.encodeBackend(message)
      const isLossy = 'message' in message && 'lossy' in message.message && message.message.lossy
      // An error in another encoding can't come back as it was; it has to say so, and only where it must.
      return isLossy && !isUtf8(body) ? frame : encoded
    })
    if (again.kind === 'thrown') return { law: 'decoding throws nothing but a FrameError', detail: again.detail }
    if (again.kind === 'refused') continue
    isAccepted = true
    if (!same(again.bytes, frame)) return { law: 'what decodes encodes to the same bytes', detail: `tag ${tag}` }
  }
  tally(tag, isAccepted)
  if (isSound && !isAccepted) return { law: 'what the grammar makes is accepted', detail: `tag ${tag} is refused` }
  return null
}

function tryStartup(subject: Subject, trial: Trial, tally: Tally): Broken | null {
  const { bytes, sound } = trial
  const length = bytes.length < 4 ? null : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  const isOutOfBounds = length !== null && (length < STARTUP_BYTES_MIN || length > STARTUP_BYTES_MAX)
  const isWhole = length !== null && !isOutOfBounds && length <= bytes.length
  const buffer = new subject.StartupBuffer()
  let packet: Uint8Array | undefined
  const error = refusal(() =>
    eachChunk(trial, chunk => {
      buffer.push(chunk)
      packet ??= buffer.next()
    }),
  )
  const law = 'StartupBuffer gives the packet that came, and leaves the rest'
  if ((error !== null) !== isOutOfBounds) return { law, detail: `ended with ${error}` }
  if ((packet !== undefined) !== isWhole) return { law, detail: isWhole ? 'gave no packet' : 'gave a packet early' }
  if (packet === undefined) {
    tally(-1, false)
    return null
  }
  const whole = packet
  if (!same(whole, bytes.subarray(0, whole.length))) return { law, detail: 'the packet differs' }
  if (!same(buffer.leftover(), bytes.subarray(whole.length))) return { law, detail: 'the rest differs' }
  const again = roundTrip(() => subject.encodeStartup(subject.decodeStartup(whole)))
  if (again.kind === 'thrown') return { law: 'decoding throws nothing but a FrameError', detail: again.detail }
  tally(-1, again.kind === 'encoded')
  if (again.kind === 'encoded' && !same(again.bytes, whole)) {
    return { law: 'what decodes encodes to the same bytes', detail: 'start-up packet' }
  }
  if (again.kind === 'refused' && sound.has(0)) return { law: 'what the grammar makes is accepted', detail: 'start-up' }
  return null
}

type Again =
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused' }
  | { readonly kind: 'thrown'; readonly detail: string }

const REFUSED: Again = { kind: 'refused' }

function roundTrip(act: () => Uint8Array): Again {
  try {
    return { kind: 'encoded', bytes: act() }
  } catch (error) {
    // What was decoded can be encoded: only the decoder may refuse.
    if (error instanceof FrameError && error.code !== 'UNENCODABLE') return REFUSED
    return { kind: 'thrown', detail: String(error) }
  }
}

/** The code that bytes were refused with; what isn't a refusal is thrown on, and found as such. */
function refusal(act: () => void): string | null {
  try {
    act()
    return null
  } catch (error) {
    return error instanceof FrameError ? error.code : String(error)
  }
}

const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0

const strict = new TextDecoder('utf-8', { fatal: true })

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}
