import { connect, createServer, type Socket } from 'node:net'

/** Stands between gateway and database, and can speak in the database's name. */
export interface Relay {
  readonly port: number
  /** Says something to the gateway on the connection that was opened last. */
  readonly say: (bytes: Uint8Array) => void
  /** How long what the gateway says on connections opened from now on is kept back. */
  delayMs: number
  /** Changes what the database says, from now on. Null: nothing is changed. */
  change: ((chunk: Buffer) => Buffer) | null
  /** Cuts the connection that was opened last, on the gateway's side. */
  readonly cut: () => void
  readonly stop: () => void
}

export async function startRelay(databasePort: number): Promise<Relay> {
  let last: Socket | null = null
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, gateway => {
    last = gateway
    const database = connect(databasePort, '127.0.0.1')
    for (const socket of [gateway, database]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    const { delayMs } = relay
    gateway.on('data', chunk =>
      delayMs === 0 ? database.write(chunk) : setTimeout(() => database.write(chunk), delayMs),
    )
    database.on('data', chunk => gateway.write(relay.change?.(chunk) ?? chunk))
    gateway.on('close', () => setTimeout(() => database.destroy(), delayMs))
    database.on('close', () => gateway.end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const relay: Relay = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    say: bytes => void last?.write(bytes),
    delayMs: 0,
    change: null,
    cut: () => last?.resetAndDestroy(),
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return relay
}
