import { createServer, type Server, type Socket } from 'node:net'
import { type Service, serveClient } from './serve-client.ts'

/** The listener for database clients, with everybody that it serves. */
export interface Connections {
  readonly server: Server
  /** Takes nobody any more, ends every session and waits for them; who lingers is cut off. */
  readonly stop: () => Promise<void>
}

const DRAIN_MS_MAX = 3_000

export function takeConnections(service: Service): Connections {
  const sockets = new Set<Socket>()
  const serving = new Set<Promise<void>>()
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // As it is when it comes: a reload in the middle of a login must not serve it half of each.
    const served = serveClient(socket, { ...service })
    serving.add(served)
    void served.finally(() => serving.delete(served))
  })
  return {
    server,
    stop: async () => {
      service.admission.close()
      server.close()
      for (const conversation of service.live)
        conversation.end({ sqlstate: '57P01', message: 'the gateway is shutting down' }, 'shutdown')
      const stragglers = setTimeout(() => destroyAll(sockets), DRAIN_MS_MAX)
      await Promise.allSettled(serving)
      clearTimeout(stragglers)
      destroyAll(sockets)
    },
  }
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy()
}
