import { createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { makeCertificates, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { parsePolicy } from '@querywarden/policy-core'
import {
  encodeAuthentication,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodeReadyForQuery,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProxyLimits, TargetConfig } from '../src/config/config.ts'
import { logInUpstream } from '../src/postgres/upstream-login.ts'
import { serveTarget } from '../src/target-service.ts'

const LIMITS: ProxyLimits = {
  sessionsMax: 1,
  sessionsPerIdentityMax: 1,
  loginMsMax: 1_000,
  failedLoginsPerMinuteMax: 600,
  failedCancelsPerMinuteMax: 600,
  idleMsMax: 60_000,
  sessionMsMax: 60_000,
  drainMsMax: 0,
  frameBytesMax: 1 << 20,
  approvalsPendingMax: 1,
  catalogMaxAgeMs: 60_000,
  memoryBytesMax: null,
}

const target = (port: number, tls: TargetConfig['tls'] = { mode: 'off' }, host = '127.0.0.1'): TargetConfig => ({
  name: 'app',
  dialect: 'postgres',
  address: { host, port },
  user: 'svc_app',
  database: 'app',
  password: null,
  tls,
  loginMethods: ['scram-sha-256', 'scram-sha-256-plus'],
  searchPath: ['public'],
})

const login = (config: TargetConfig, password: string | null = 'hunter2-canary'): Promise<unknown> =>
  logInUpstream(config, password, new Map(), { frameBytesMax: 1 << 20, timeoutMs: 1_500 })

/** A server of someone else's, that does what it is told to with every connection. */
async function evil(behave: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    behave(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server }
}

/** Answers the n-th chunk that comes with the n-th of these. */
const script =
  (...answers: readonly (Uint8Array | string | ((seen: string) => Uint8Array))[]) =>
  (socket: Socket): void => {
    let n = 0
    socket.on('data', chunk => {
      const answer = answers[n++]
      if (answer === undefined) return
      socket.write(typeof answer === 'function' ? answer(chunk.toString('latin1')) : answer)
    })
  }

const auth = encodeAuthentication
const OK = auth({ kind: 'ok' })
const SASL = auth({ kind: 'sasl', mechanisms: ['SCRAM-SHA-256'] })
const ready = Buffer.concat([
  encodeParameterStatus({ name: 'client_encoding', value: 'UTF8' }),
  encodeParameterStatus({ name: 'standard_conforming_strings', value: 'on' }),
  encodeBackendKeyData({ processId: 1, secretKey: new Uint8Array(4) }),
  encodeReadyForQuery({ status: 'idle' }),
])
/** A SCRAM challenge with the client's own nonce in it. */
const challenge =
  (rest: string) =>
  (seen: string): Uint8Array =>
    auth({ kind: 'sasl-continue', data: Buffer.from(`r=${/r=([^,\0]+)/.exec(seen)?.[1]}${rest}`) })

describe('E11: a login that a hostile database can not bend', () => {
  test.each<[string, ReturnType<typeof script>, RegExp]>([
    ['asks for the password in the clear', script(auth({ kind: 'cleartext-password' })), /weaker than SCRAM/],
    ['asks for MD5', script(auth({ kind: 'md5-password', salt: new Uint8Array(4) })), /weaker than SCRAM/],
    ['lets anybody in', script(Buffer.concat([OK, ready])), /without proving/],
    ['lets in half-way through SCRAM', script(SASL, Buffer.concat([OK, ready])), /without proving/],
    [
      'offers other mechanisms',
      script(auth({ kind: 'sasl', mechanisms: ['SCRAM-SHA-1', 'PLAIN'] })),
      /no SCRAM-SHA-256/,
    ],
    ['asks for 10^9 iterations', script(SASL, challenge('x,s=AAAA,i=999999999')), /iterations/],
    ['asks for 10^12 iterations', script(SASL, challenge('x,s=AAAA,i=1000000000000')), /malformed challenge/],
    ['adds nothing to the nonce', script(SASL, challenge(',s=AAAA,i=4096')), /malformed challenge/],
    [
      'has a nonce of its own',
      script(SASL, auth({ kind: 'sasl-continue', data: Buffer.from('r=other,s=AAAA,i=4096') })),
      /malformed/,
    ],
    ['has a nonce of 100 kB', script(SASL, challenge(`${'x'.repeat(100_000)},s=AAAA,i=4096`)), /malformed/],
    [
      'signs wrongly',
      script(
        SASL,
        challenge('x,s=AAAA,i=4096'),
        auth({ kind: 'sasl-final', data: Buffer.from(`v=${'A'.repeat(43)}=`) }),
      ),
      /did not prove/,
    ],
    ['ends SCRAM before it began', script(auth({ kind: 'sasl-final', data: Buffer.from('v=') })), /out of turn/],
    ['sends no message at all', script('HTTP/1.1 400 Bad Request\r\n\r\n'), /./],
    ['says nothing', () => undefined, /./],
    ['hangs up', socket => socket.end(), /closed the connection/],
    ['resets', socket => socket.resetAndDestroy(), /./],
    ['says that a message has 4 GiB', script(Buffer.from('R\xff\xff\xff\xff', 'latin1')), /exceeds|length|larger/i],
  ])('one that %s gets no password', async (_name, behave, why) => {
    const seen: Buffer[] = []
    const { port, server } = await evil(socket => {
      socket.on('data', chunk => seen.push(chunk))
      behave(socket)
    })
    await expect(login(target(port))).rejects.toThrow(why)
    expect(Buffer.concat(seen).toString('latin1')).not.toContain('hunter2')
    server.close()
  })

  test.each<[string, (socket: Socket) => void, RegExp]>([
    ['sends more than its one byte (E4)', script('SR\0\0\0\x08\0\0\0\0'), /before the TLS handshake/],
    ['declines TLS', script('N'), /offers no TLS/],
    ['answers with an error', script(Buffer.from('E\0\0\0\x05\0', 'latin1')), /./],
    ['resets after the TLS request', socket => void socket.once('data', () => socket.resetAndDestroy()), /./],
    [
      'resets inside the handshake',
      socket => void socket.on('data', chunk => (chunk.length === 8 ? socket.write('S') : socket.resetAndDestroy())),
      /TLS/,
    ],
    ['answers S and hangs up', socket => void socket.once('data', () => socket.end('S')), /TLS/],
    ['answers S and then in the clear', script('S', Buffer.concat([OK, ready])), /TLS/],
    ['never answers', () => undefined, /./],
  ])('one that %s, where TLS is asked for, gets no login', async (_name, behave, why) => {
    const seen: Buffer[] = []
    const closed: Promise<void>[] = []
    const { port, server } = await evil(socket => {
      closed.push(new Promise(resolve => socket.once('close', () => resolve())))
      socket.on('data', chunk => seen.push(chunk))
      behave(socket)
    })
    await expect(login(target(port, { mode: 'verify-full', ca: null }))).rejects.toThrow(why)
    expect(Buffer.concat(seen).toString('latin1')).not.toContain('svc_app')
    await Promise.all(closed)
    expect(closed, 'the connection was made, and is left to nobody').toHaveLength(1)
    server.close()
  })
})

describe('F14, F19: a database that logs in and then stalls', () => {
  test('has no schema when the time of a login is over, and the connection is closed', async () => {
    const closed: Promise<void>[] = []
    const { port, server } = await evil(socket => {
      closed.push(new Promise(resolve => socket.once('close', () => resolve())))
      script(Buffer.concat([OK, ready]))(socket)
    })
    const service = serveTarget({
      config: target(port),
      password: null,
      policy: parsePolicy({ version: 1, rules: [] }),
      limits: {
        ...LIMITS,
        loginMsMax: 300,
      },
      monotonic: () => performance.now(),
    })
    await expect(service.catalog()).rejects.toThrow('did not show its schema within 300 ms')
    await Promise.all(closed)
    await expect(service.refresh(), 'and nobody waits for the stalled one').rejects.toThrow('within 300 ms')
    server.close()
  })
})

describe('TLS to the database', () => {
  let database: PostgresServer
  let pem: string
  beforeAll(async () => {
    database = await startPostgres({ tls: true, database: 'app' })
    pem = database.certificates?.ca ?? ''
    await database.exec("create role svc_app login password 'hunter2-canary'")
  })
  afterAll(() => database.stop())

  test('the right authority and name: in, with channel binding', async () => {
    await expect(login(target(database.port, { mode: 'verify-full', ca: pem }))).resolves.toMatchObject({
      processId: expect.any(Number),
    })
  })

  test('another authority, or none that is known: refused', async () => {
    await expect(login(target(database.port, { mode: 'verify-full', ca: makeCertificates().ca }))).rejects.toThrow(
      /TLS/,
    )
    await expect(login(target(database.port, { mode: 'verify-full', ca: null }))).rejects.toThrow(/TLS/)
  })

  test('a wrong password is told as such, and not told', async () => {
    const failure = await login(target(database.port, { mode: 'verify-full', ca: pem }), 'wrong-canary').catch(String)
    expect(failure).toContain("the gateway's own credential")
    expect(failure).not.toContain('canary')
  })

  test.each(['wrongHost', 'expired', 'selfSigned'] as const)('a certificate that is %s: refused', async kind => {
    const made = makeCertificates()
    const closed: Promise<void>[] = []
    const { port, server } = await evil(socket => {
      closed.push(new Promise(resolve => socket.once('close', () => resolve())))
      socket.once('data', () => {
        socket.write('S')
        new TLSSocket(socket, { isServer: true, ...made[kind] }).on('error', () => undefined)
      })
    })
    await expect(login(target(port, { mode: 'verify-full', ca: made.ca }))).rejects.toThrow(/TLS/)
    await Promise.all(closed)
    server.close()
  })

  test('F19: nobody there', async () => {
    await expect(login(target(1))).rejects.toThrow(/can't be reached \(ECONNREFUSED\)/)
  })
})
