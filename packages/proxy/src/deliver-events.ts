import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Delivery, type SyslogEvent, syslogFrame } from '@querywarden/recording'

/** A server that doesn't answer, or doesn't read, is given up after so long. */
const SEND_MS_MAX = 10_000

export interface SyslogServer {
  readonly host: string
  readonly port: number
  /** PEM of the authority; null for the roots that Node trusts. `tls: null`: without TLS. */
  readonly tls: { readonly ca: Buffer | null } | null
  /** The name of this host in messages. */
  readonly self: string
}

/** Opens a way to a syslog server. Syslog acknowledges nothing: what the system has taken counts as sent. */
export async function connectSyslog({ host, port, tls, self }: SyslogServer): Promise<Delivery> {
  const socket =
    tls === null
      ? connectTcp({ host, port })
      : connectTls({ host, port, servername: host, ...(tls.ca === null ? {} : { ca: tls.ca }) })
  socket.setTimeout(SEND_MS_MAX)
  await settled(socket, tls === null ? 'connect' : 'secureConnect')
  // Nothing is awaited between batches, so a server that has gone shows here.
  let failure: Error | null = null
  socket.on('error', error => {
    failure = error
  })
  socket.on('end', () => {
    failure ??= new Error('the server has closed the connection')
  })
  socket.setTimeout(0)
  socket.resume()
  return {
    send: async events => {
      if (failure !== null) throw failure
      await written(socket, Buffer.concat(events.map(event => syslogFrame(event, self))))
      return 'taken'
    },
    close: () => socket.destroy(),
  }
}

const settled = (socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    socket.once(event, () => {
      socket.off('error', fail)
      socket.removeAllListeners('timeout')
      resolve()
    })
    socket.once('error', fail)
    socket.once('timeout', () => fail(new Error('the server did not answer in time')))
  })

const written = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error('the server did not read in time'))
      socket.destroy()
    }, SEND_MS_MAX)
    socket.write(bytes, error => {
      clearTimeout(timer)
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })

export interface HttpServer {
  readonly url: string
  /** Sent as `Authorization: Bearer`; null where none is asked for. */
  readonly token: string | null
}

/** What a server says where the events themselves are what it doesn't take: again it would say the same. */
const REFUSED_FOR_GOOD: ReadonlySet<number> = new Set([400, 413, 415, 422])

/** Sends events by POST, one JSON object a line (application/x-ndjson). */
export const postEvents = ({ url, token }: HttpServer): Delivery => {
  const closing = new AbortController()
  return {
    send: async (events: readonly SyslogEvent[]) => {
      const answer = await fetch(url, {
        method: 'POST',
        // A redirect could take the token elsewhere.
        redirect: 'error',
        headers: {
          'content-type': 'application/x-ndjson',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: events.map(({ line }) => `${line}\n`).join(''),
        signal: AbortSignal.any([AbortSignal.timeout(SEND_MS_MAX), closing.signal]),
      })
      await answer.body?.cancel()
      if (answer.ok) return 'taken'
      if (REFUSED_FOR_GOOD.has(answer.status)) return 'refused'
      throw new Error(`the server answered ${answer.status}`)
    },
    close: () => closing.abort(),
  }
}
