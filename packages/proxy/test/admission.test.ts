import { connect, createServer } from 'node:net'
import { encodeCancelRequest, encodePassword, encodeStartup } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawConnect, rawLogin, sendCancel } from './raw-client.ts'

const SESSIONS_MAX = 3
let governed: Governed
/** Opens the way to the database again. */
let open: () => void = () => undefined
let way: Promise<void> = Promise.resolve()

/** A way to the database that can be held shut. */
async function gateBefore(port: number): Promise<number> {
  const server = createServer(socket => {
    const database = connect(port, '127.0.0.1')
    for (const one of [socket, database]) one.on('error', () => undefined)
    socket.once('close', () => database.destroy())
    database.once('close', () => socket.destroy())
    void way.then(() => socket.pipe(database).pipe(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const holdShut = (): void => {
  way = new Promise(resolve => {
    open = resolve
  })
}

/** Sends a whole login and waits for no answer to it. */
async function startLogin(token: string): Promise<RawClient> {
  const client = await rawConnect(governed.gateway.postgres)
  client.send(encodeStartup(new Map(Object.entries({ user: 'agent', database: 'app' }))))
  await client.until('R')
  client.send(encodePassword({ password: token }))
  return client
}

beforeAll(async () => {
  governed = await govern({ more: `limits: { sessions: ${SESSIONS_MAX} }`, via: gateBefore })
})
afterAll(() => governed.stop())

describe('O2: places are taken before the login is done', () => {
  test('of 12 logins beside each other as many get in as there are sessions', async () => {
    const token = await governed.token()
    holdShut()
    const clients = await Promise.all(Array.from({ length: 12 }, () => startLogin(token)))
    const refused = clients.map(client => client.until('E', 'Z'))
    open()
    const last = (await Promise.all(refused)).map(lines => lines.at(-1) ?? '')
    expect(last.filter(line => line === 'Z idle')).toHaveLength(SESSIONS_MAX)
    expect(last.filter(line => line.startsWith('E FATAL 53300'))).toHaveLength(12 - SESSIONS_MAX)
    for (const client of clients) client.socket.destroy()
  })

  test('connections that say nothing are closed beyond their bound, the oldest first, and leave room when they go', async () => {
    const strangersMax = 4 * SESSIONS_MAX
    const clients: RawClient[] = []
    for (let n = 0; n < strangersMax + 3; n++) clients.push(await rawConnect(governed.gateway.postgres))
    await Promise.all(clients.slice(0, 3).map(client => client.closed))
    expect(clients.slice(3).filter(client => client.socket.readyState === 'open')).toHaveLength(strangersMax)
    for (const client of clients) client.socket.destroy()
    await Promise.all(clients.map(client => client.closed))
    for (;;) {
      const client = await rawLogin(governed.gateway.postgres, await governed.token()).catch(() => null)
      client?.socket.destroy()
      if (client !== null) break
    }
  })

  test('a cancel request leaves no connection behind, even of a peer that keeps its side open', async () => {
    const peer = connect({ ...governed.gateway.postgres, allowHalfOpen: true }).on('error', () => undefined)
    const closed = new Promise<void>(resolve => peer.once('close', () => resolve()))
    peer.resume()
    peer.write(encodeCancelRequest(1, new Uint8Array(4)))
    // What it still sends is answered with a reset once the gateway has let the connection go.
    const writing = setInterval(() => peer.write('x'), 50)
    await closed
    clearInterval(writing)
  })
})

test('a login that is under way when the gateway stops is refused, and leaves no session', async () => {
  const token = await governed.token()
  holdShut()
  const client = await startLogin(token)
  const lines = client.toEnd()
  // The place is taken once the token is read; a cancel that is answered after it shows that it was.
  await sendCancel(governed.gateway.postgres, { processId: 1, secretKey: new Uint8Array(4) })
  const stopped = governed.gateway.stop()
  open()
  await stopped
  expect((await lines).join()).toMatch(/E FATAL 57P03 the gateway is shutting down,closed$/)
  const rows = await governed.database.exec(
    "select count(*)::int as n from pg_stat_activity where usename = 'svc_app' and state is not null and query <> ''",
  )
  expect(Number(rows[0]?.['n'])).toBe(0)
})
