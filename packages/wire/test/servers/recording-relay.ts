import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Bytes as they passed, in the order in which they did. */
export interface Passed {
  readonly from: 'frontend' | 'backend'
  readonly bytes: Uint8Array
}

/** A connection's bytes of both sides. */
export type Recording = readonly Passed[]

export interface RecordingRelay {
  readonly port: number
  /** One for each connection so far. */
  readonly recordings: readonly Recording[]
  readonly stop: () => Promise<void>
}

/** Passes bytes between clients and a server, and keeps all of them. */
export async function startRecordingRelay(serverPort: number): Promise<RecordingRelay> {
  const recordings: Passed[][] = []
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const recording: Passed[] = []
    recordings.push(recording)
    const upstream = connect(serverPort, '127.0.0.1')
    const pass = (from: Passed['from'], source: Socket, sink: Socket): void => {
      sockets.add(source)
      source.on('data', bytes => {
        recording.push({ from, bytes: Uint8Array.from(bytes) })
        sink.write(bytes)
      })
      source.on('end', () => sink.end())
      source.on('error', () => sink.destroy())
    }
    pass('frontend', client, upstream)
    pass('backend', upstream, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    recordings,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
