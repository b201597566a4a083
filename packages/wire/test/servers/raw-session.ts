import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { BACKEND, BACKEND_TAGS, encodeStartup, type Frame, FrameBuffer } from '../../src/postgres/index.ts'

/** A connection that speaks only bytes. */
export interface RawSession {
  readonly socket: Socket
  readonly send: (...frames: readonly Uint8Array[]) => void
  /** Frames up to the first with that tag, or all that came until the server closed. */
  readonly until: (tag: number) => Promise<readonly Frame[]>
  readonly isClosed: () => boolean
  readonly close: () => Promise<void>
}

/** Connects without a word. */
export async function openSocket(port: number): Promise<RawSession> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const buffer = new FrameBuffer({ frameBytesMax: 64 << 20, tags: BACKEND_TAGS })
  let isClosed = false
  let wake: () => void = () => undefined
  socket.on('data', chunk => {
    buffer.push(chunk)
    wake()
  })
  // A server that refuses may reset; for these tests that is a close like any other.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  return {
    socket,
    send: (...frames) => void socket.write(Buffer.concat(frames)),
    until: async tag => {
      const frames: Frame[] = []
      for (;;) {
        for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) {
          frames.push(frame)
          if (frame.tag === tag) return frames
        }
        if (isClosed) return frames
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    isClosed: () => isClosed,
    close: async () => {
      if (isClosed) return
      const closed = once(socket, 'close')
      socket.end()
      await Promise.race([closed, sleep(2_000).then(() => socket.destroy())])
    },
  }
}

/** Logs in as somebody whom the server trusts, and waits until it is ready. */
export async function openRaw(
  port: number,
  parameters: Readonly<Record<string, string>>,
  minor = 0,
): Promise<RawSession> {
  const session = await openSocket(port)
  session.send(encodeStartup(new Map(Object.entries(parameters)), { minor }))
  const frames = await session.until(BACKEND.readyForQuery)
  if (frames.at(-1)?.tag !== BACKEND.readyForQuery) throw new Error('the server did not let the test in')
  return session
}
