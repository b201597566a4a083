import { readdir, readFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type RecordedEvent, type RowsEvent, readRecording } from '@querywarden/recording'
import { KEY_FILE, readRecordingKey } from '../src/open-recorder.ts'

/** The DataRow and CopyData messages in what a client was sent, as they were. */
export function rowFrames(sent: Uint8Array): Buffer {
  const bytes = Buffer.from(sent)
  const rows: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    if ('Dd'.includes(String.fromCharCode(bytes[at] ?? 0))) rows.push(bytes.subarray(at, end))
    at = end
  }
  return Buffer.concat(rows)
}

/** How many messages there are. */
export function framesIn(bytes: Buffer): number {
  let count = 0
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) count += 1
  return count
}

/** What was recorded of the closed session of this application_name; waits until there is one. */
export async function recordingOf(recordings: string, applicationName: string): Promise<readonly RecordedEvent[]> {
  const kek = readRecordingKey(await readFile(join(recordings, KEY_FILE), 'utf8'))
  for (;;) {
    const found = await readdir(recordings, { recursive: true, withFileTypes: true })
    for (const { name, parentPath } of found.filter(file => file.name.endsWith('.dbrec'))) {
      const events: RecordedEvent[] = []
      for await (const event of readRecording(join(parentPath, name), { kek })) events.push(event)
      const [first] = events
      if (first?.kind !== 'opened' || first.client['application_name'] !== applicationName) continue
      if (events.at(-1)?.kind === 'closed') return events
    }
    await wait(20)
  }
}

export const rowsIn = (events: readonly RecordedEvent[]): readonly RowsEvent[] =>
  events.filter(event => event.kind === 'rows')

/** All frames that were kept, as they were. */
export const keptFrames = (events: readonly RecordedEvent[]): Buffer =>
  Buffer.concat(rowsIn(events).map(({ frames }) => frames ?? Buffer.alloc(0)))

/** Stands between a client and the gateway, and keeps what the client is sent. */
export interface Listener {
  readonly port: number
  readonly sent: () => Buffer
  readonly stop: () => void
}

export async function startListener(gatewayPort: number): Promise<Listener> {
  const sent: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const gateway = connect(gatewayPort, '127.0.0.1')
    for (const socket of [client, gateway]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    gateway.on('data', chunk => sent.push(chunk))
    client.pipe(gateway).pipe(client)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    sent: () => Buffer.concat(sent),
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
