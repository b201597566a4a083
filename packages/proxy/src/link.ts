import type { Socket } from 'node:net'
import type { Frame, FrameBuffer } from '@querywarden/wire/postgres'
import { after } from './timer.ts'

/** Sees what is about to be written, and gives what of it may be; null where something is in it that must not go out. */
export type Look = (pieces: readonly Uint8Array[]) => readonly Uint8Array[] | null

/**
 * One leg of a connection: a socket as frames, pulled one at a time, with bounded buffering. Reading goes on while
 * nobody pulls, up to the bound, because a paused socket doesn't notice that its peer left (threats finding 10).
 */
export class Link {
  readonly socket: Socket
  #frames: FrameBuffer
  #bufferedBytesMax: number
  readonly #gone = new AbortController()
  #wake: (() => void) | null = null
  #look: Look | null = null
  #holds = 0

  constructor(socket: Socket, frames: FrameBuffer, limits: { readonly bufferedBytesMax: number }) {
    this.socket = socket
    this.#frames = frames
    this.#bufferedBytesMax = limits.bufferedBytesMax
    socket.on('data', this.#onData)
    socket.once('end', this.#onGone)
    socket.once('close', this.#onGone)
    socket.on('error', this.#onGone)
  }

  /** Aborts when the peer is gone, however it went. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /**
   * The next frame, or null once the peer is gone and all it sent is read. One caller at a time.
   * @throws {FrameError} the peer broke the protocol
   */
  async read(): Promise<Frame | null> {
    for (;;) {
      const frame = this.take()
      if (frame !== undefined) return frame
      await this.arrival()
    }
  }

  /** The next frame if there is a whole one, null once the peer is gone, undefined while more must come. */
  take(): Frame | null | undefined {
    const frame = this.#frames.next()
    if (frame !== undefined) return frame
    if (this.socket.isPaused()) this.socket.resume()
    return this.#gone.signal.aborted ? null : undefined
  }

  /** The tag of the next whole frame, or undefined where there is none yet. @throws {FrameError} as `take` does */
  peek(): number | undefined {
    return this.#frames.peek()
  }

  /** Resolves when more has come, or the peer is gone. Nothing is lost by not waiting to the end. */
  arrival(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
      if (this.#gone.signal.aborted) resolve()
    })
  }

  /**
   * For the time that nobody reads: a peer that sends more than the bound is cut off, so `gone` aborts. Pausing it would
   * hide that it left, and what it asked for would be kept for nobody (threats A5). The function returned ends that time.
   *
   * @example
   * const readOn = link.refuseOverflow()
   * try { await decide(link.gone) } finally { readOn() }
   */
  refuseOverflow(): () => void {
    this.#holds += 1
    if (this.#isFull()) this.socket.destroy()
    else if (this.socket.isPaused()) this.socket.resume()
    let isOver = false
    return () => {
      if (!isOver) this.#holds -= 1
      isOver = true
    }
  }

  /** Has somebody look at all that is written, right before it is. */
  watch(look: Look): void {
    this.#look = look
  }

  /** Writes, and says whether the peer keeps up. */
  write(bytes: Uint8Array): boolean {
    if (!this.socket.writable) return true
    if (this.#look === null) return this.socket.write(bytes)
    this.writeAll([bytes])
    return !this.socket.writableNeedDrain
  }

  /** Writes several pieces by one system call. */
  writeAll(pieces: readonly Uint8Array[]): void {
    if (!this.socket.writable) return
    this.send(this.look(pieces) ?? [])
  }

  /** What of this may be written, for who writes it by `send`: each byte is looked at once, in the order of writing. */
  look(pieces: readonly Uint8Array[]): readonly Uint8Array[] | null {
    return this.#look === null ? pieces : this.#look(pieces)
  }

  /** Writes what was looked at. */
  send(pieces: readonly Uint8Array[]): void {
    const [only, more] = pieces
    if (only === undefined || !this.socket.writable) return
    if (more === undefined) {
      this.socket.write(only)
      return
    }
    this.socket.cork()
    for (const piece of pieces) this.socket.write(piece)
    this.socket.uncork()
  }

  /** Resolves when the peer has taken what was written, or is gone. */
  async drained(): Promise<void> {
    if (!this.socket.writableNeedDrain || this.#gone.signal.aborted) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        this.socket.off('drain', done)
        this.socket.off('close', done)
        resolve()
      }
      this.socket.on('drain', done)
      this.socket.on('close', done)
    })
  }

  /** Sends a last message and closes. What the peer still sends is read, so that no reset takes the message away. */
  end(bytes?: Uint8Array): void {
    this.socket.off('data', this.#onData)
    const last = bytes === undefined || this.#look === null ? bytes : Buffer.concat(this.#look([bytes]) ?? [])
    lastWords(this.socket, last)
  }

  /**
   * Goes on with other limits, from one phase of a conversation to the next.
   * @throws {FrameError} if the peer has already sent something: it spoke before its turn.
   */
  enterPhase(frames: FrameBuffer, limits: { readonly bufferedBytesMax: number }): void {
    this.#frames.assertEmpty()
    this.#frames = frames
    this.#bufferedBytesMax = limits.bufferedBytesMax
  }

  /** Stops framing and hands the raw stream over: from now on chunks go to `onChunk`. Nothing may be waiting. */
  handOver(onChunk: (chunk: Uint8Array) => void): void {
    this.#frames.assertEmpty()
    this.socket.off('data', this.#onData)
    this.socket.on('data', onChunk)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#frames.push(chunk)
    if (this.#isFull()) {
      if (this.#holds > 0) this.socket.destroy()
      else this.socket.pause()
    }
    this.#wake?.()
  }

  /** One frame may be larger than the bound, and has to come whole; what no reader would take is not waited for. */
  #isFull(): boolean {
    if (this.#frames.buffered <= this.#bufferedBytesMax) return false
    try {
      return this.#frames.peek() !== undefined
    } catch {
      return true
    }
  }

  readonly #onGone = (): void => {
    this.#gone.abort()
    this.#wake?.()
  }
}

const LINGER_MS = 2_000

/** Ends a socket, if need be with a last message; a peer that doesn't read it can't keep the connection for that. */
export function lastWords(socket: Socket, bytes?: Uint8Array): void {
  if (bytes === undefined) socket.end()
  else socket.end(bytes)
  socket.resume()
  const callOff = after(LINGER_MS, () => socket.destroy())
  socket.once('close', callOff)
}
