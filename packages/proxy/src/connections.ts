import { createServer, type Server, type Socket } from 'node:net'
import { type IdleSession, IdleWatch } from './idle-watch.ts'
import { serveClient } from './serve-client.ts'
import type { Service } from './service.ts'
import { KEEP_ALIVE } from './socket-settings.ts'
import { after } from './timer.ts'

/** The listener for database clients, with everybody that it serves. */
export interface Connections {
  readonly server: Server
  /** Sessions that do nothing and could be ended without losing anybody's work. */
  readonly idleSessions: () => readonly IdleSession[]
  /**
   * Takes no session any more, and lets what runs and what is in a transaction end by itself for as long as the limits give.
   * Then all ends; who lingers is cut off. While it drains, whoever comes is told so, and may cancel what still runs.
   */
  readonly stop: () => Promise<void>
}

/** For last messages, and for recordings to be closed. */
const LINGER_MS_MAX = 3_000
const GOODBYE = { sqlstate: '57P01', message: 'the gateway is shutting down', hint: 'log in again shortly' } as const

export function takeConnections(service: Service): Connections {
  const sockets = new Set<Socket>()
  const serving = new Set<Promise<void>>()
  const idle = new IdleWatch({ idleMsMax: () => service.limits.idleMsMax, monotonic: service.clock.monotonic })
  const server = createServer({ noDelay: true, ...KEEP_ALIVE }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // As it is when it comes: a reload in the middle of a login must not serve it half of each.
    const served = serveClient(socket, { ...service, idle })
    serving.add(served)
    void served.finally(() => serving.delete(served))
  })
  const sessionsOver = async (msMax: number): Promise<void> => {
    await new Promise<void>(resolve => {
      const callOff = after(msMax, resolve)
      const look = (): void => {
        if (service.live.size > 0) return void Promise.race(serving).finally(look)
        callOff()
        resolve()
      }
      look()
    })
  }
  return {
    server,
    idleSessions: () => idle.idle(),
    stop: async () => {
      service.admission.close()
      for (const conversation of service.live) conversation.drain(GOODBYE)
      await sessionsOver(service.limits.drainMsMax)
      server.close()
      idle.stop()
      for (const conversation of service.live) conversation.end(GOODBYE, 'shutdown')
      const callOff = after(LINGER_MS_MAX, () => destroyAll(sockets))
      await Promise.allSettled(serving)
      callOff()
      destroyAll(sockets)
    },
  }
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy()
}
