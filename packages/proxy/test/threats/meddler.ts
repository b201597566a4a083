import { connect, createServer, type Socket } from 'node:net'

/** Gives what is said in place of a message, counted from 0 since the change was set. */
export type Change = (frame: Buffer, index: number) => readonly Uint8Array[]

/** Stands between gateway and database, and changes what the database says to sessions that begin in one way. */
export interface Meddler {
  readonly port: number
  /** Messages are changed by this from now on, or by none. */
  readonly set: (change: Change | null) => void
  /** How many of those sessions the gateway has open. */
  readonly open: () => number
  /** Cuts them, on the gateway's side. */
  readonly cut: () => void
  readonly stop: () => void
}

/** @param mark - What the start-up packet of a session has in it that is to be meddled with. */
export async function startMeddler(databasePort: number, mark: string): Promise<Meddler> {
  let change: Change | null = null
  let index = 0
  const sockets = new Set<Socket>()
  const meddled = new Set<Socket>()
  const server = createServer(gateway => {
    const database = connect(databasePort, '127.0.0.1')
    let isMeddled: boolean | null = null
    for (const socket of [gateway, database]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    gateway.on('data', chunk => {
      // The start-up packet, which has the mark in it, is the first that the gateway says.
      if (isMeddled === null) {
        isMeddled = chunk.includes(mark)
        if (isMeddled) meddled.add(gateway)
      }
      database.write(chunk)
    })
    const frames = framer(frame => (change === null || isMeddled !== true ? [frame] : change(frame, index++)))
    database.on('data', chunk => gateway.write(frames(chunk)))
    gateway.on('close', () => {
      meddled.delete(gateway)
      database.destroy()
    })
    database.on('close', () => gateway.end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    set: next => {
      change = next
      index = 0
    },
    open: () => meddled.size,
    cut: () => {
      for (const gateway of meddled) gateway.resetAndDestroy()
    },
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Shows chunks message by message; what is cut between two is joined first. */
function framer(change: (frame: Buffer) => readonly Uint8Array[]): (chunk: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0)
  return chunk => {
    rest = Buffer.concat([rest, chunk])
    const given: Uint8Array[] = []
    while (rest.length >= 5 && rest.length >= 1 + rest.readUInt32BE(1)) {
      const end = 1 + rest.readUInt32BE(1)
      given.push(...change(rest.subarray(0, end)))
      rest = rest.subarray(end)
    }
    return Buffer.concat(given)
  }
}
