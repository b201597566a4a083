import type { Socket } from 'node:net'
import { makeCertificates, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { parsePolicy } from '@querywarden/policy-core'
import {
  encodeAuthentication,
  encodeErrorResponse,
  encodeNegotiateProtocolVersion,
  encodeNoticeResponse,
  encodeReadyForQuery,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProxyLimits, ReachedTarget } from '../src/config/config.ts'
import { logInUpstream } from '../src/postgres/upstream-login.ts'
import { serveTarget } from '../src/target-service.ts'
import { challenge, evil, greeting, insideTls, OK, offer, script } from './evil-server.ts'

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
  catalogProbeMs: 1_000,
  lagMsMax: 200,
  readMsMax: 50,
  readingThreadsMax: 2,
  memoryBytesMax: null,
}

const target = (port: number, tls: ReachedTarget['tls'] = { mode: 'off' }, host = '127.0.0.1'): ReachedTarget => ({
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

const login = (config: ReachedTarget, password: string | null = 'hunter2-canary'): Promise<unknown> =>
  logInUpstream(config, password, new Map(), { frameBytesMax: 1 << 20, timeoutMs: 1_500 })

const auth = encodeAuthentication
const SASL = offer('SCRAM-SHA-256')
const ready = greeting()

/** `S`, and behind it what a server would say inside. */
const STUFFED = Buffer.concat([Buffer.from('S'), OK, ready])
/** A greeting after protocol 3.0 was agreed on, with a key of some length. */
const greetingOf30 = (bytes: number): Buffer =>
  Buffer.concat([
    encodeNegotiateProtocolVersion({ newestMinor: 0, unrecognized: [] }),
    OK,
    greeting(new Uint8Array(bytes)),
  ])

describe('E11: a login that a hostile database can not bend', () => {
  test.each<[string, ReturnType<typeof script>, RegExp]>([
    [
      'asks for the password in the clear, and not by SCRAM',
      script(auth({ kind: 'cleartext-password' })),
      /weaker than SCRAM/,
    ],
    ['asks for MD5', script(auth({ kind: 'md5-password', salt: new Uint8Array(4) })), /weaker than SCRAM/],
    ['lets anybody in', script(Buffer.concat([OK, ready])), /without proving/],
    ['lets in half-way through SCRAM', script(SASL, Buffer.concat([OK, ready])), /without proving/],
    [
      'offers other mechanisms',
      script(auth({ kind: 'sasl', mechanisms: ['SCRAM-SHA-1', 'PLAIN'] })),
      /no SCRAM-SHA-256/,
    ],
    [
      'asks for 10^9 iterations (CVE-2026-6669, CVE-2026-42198)',
      script(SASL, challenge('x,s=AAAA,i=999999999')),
      /iterations/,
    ],
    ['asks for 10^12 iterations', script(SASL, challenge('x,s=AAAA,i=1000000000000')), /malformed challenge/],
    ['adds nothing to the nonce', script(SASL, challenge(',s=AAAA,i=4096')), /malformed challenge/],
    [
      'has a nonce of its own',
      script(SASL, auth({ kind: 'sasl-continue', data: Buffer.from('r=other,s=AAAA,i=4096') })),
      /malformed/,
    ],
    ['has a nonce of 2 kB (CVE-2026-6665)', script(SASL, challenge(`${'x'.repeat(2_000)},s=AAAA,i=4096`)), /malformed/],
    ['has a nonce of 50 kB', script(SASL, challenge(`${'x'.repeat(50_000)},s=AAAA,i=4096`)), /malformed/],
    ['has a nonce of 100 kB', script(SASL, challenge(`${'x'.repeat(100_000)},s=AAAA,i=4096`)), /exceeds the limit/],
    ['has a salt of 10 kB', script(SASL, challenge(`x,s=${'A'.repeat(10_000)},i=4096`)), /malformed/],
    [
      'asks for another proof behind the first',
      script(SASL, challenge('x,s=AAAA,i=100000'), challenge('x,s=AAAA,i=100000')),
      /out of turn/,
    ],
    ['offers another login half-way', script(SASL, SASL), /out of turn/],
    ['asks for GSSAPI', script(auth({ kind: 'gss' })), /weaker than SCRAM/],
    [
      'says what is wrong without a SQLSTATE (CVE-2026-6666)',
      script(encodeErrorResponse({ fields: new Map([['M', 'nothing to see']]) })),
      /SQLSTATE none/,
    ],
    ['says an error of nothing at all', script(Buffer.from('E\0\0\0\x05\0', 'latin1')), /SQLSTATE none|protocol/],
    [
      'has a SQLSTATE that is a story',
      script(encodeErrorResponse({ fields: new Map([['C', 'send your token to evil.example']]) })),
      /SQLSTATE none/,
    ],
    [
      'talks the protocol up',
      script(encodeNegotiateProtocolVersion({ newestMinor: 9, unrecognized: [] })),
      /out of turn/,
    ],
    [
      'talks down what was never asked for',
      script(encodeNegotiateProtocolVersion({ newestMinor: 0, unrecognized: ['_pq_.x'] })),
      /out of turn/,
    ],
    [
      'talks the protocol down twice',
      script(
        Buffer.concat([
          encodeNegotiateProtocolVersion({ newestMinor: 0, unrecognized: [] }),
          encodeNegotiateProtocolVersion({ newestMinor: 0, unrecognized: [] }),
        ]),
      ),
      /out of turn/,
    ],
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

  test.each<[string, Buffer, RegExp]>([
    ['without end', Buffer.concat(Array(20_000).fill(encodeNoticeResponse({ fields: new Map([['M', 'x']]) }))), /turn/],
    ['with a second key', Buffer.concat([ready.subarray(0, -6), ready]), /turn/],
    ['inside a transaction', Buffer.concat([ready.subarray(0, -6), encodeReadyForQuery({ status: 'failed' })]), /turn/],
    ['with a key longer than its protocol has', greetingOf30(32), /broke the protocol/],
    ['with a setting that changes what a text means', greeting(undefined, 'SJIS'), /does not hold/],
  ])('one that greets %s is left', async (_name, said, why) => {
    const { port, server } = await evil(script(said[0] === 0x76 ? said : Buffer.concat([OK, said])))
    await expect(login(target(port), null)).rejects.toThrow(why)
    server.close()
  })

  test('CVE-2026-32286: one that sends a row with a negative length has shown nothing, and ends nobody', async () => {
    const row = Buffer.from('D\0\0\0\x0a\0\x01\xff\xff\xff\xfe', 'latin1')
    const { port, server } = await evil(script(Buffer.concat([OK, ready]), row))
    const service = serveTarget({
      config: target(port),
      password: null,
      policy: () => parsePolicy({ version: 1, rules: [] }),
      limits: LIMITS,
      monotonic: () => performance.now(),
    })
    await expect(service.catalog()).rejects.toThrow(/`DataRow` /)
    server.close()
  })

  test.each<[string, (socket: Socket) => void, RegExp]>([
    ...Array.from({ length: STUFFED.length - 1 }, (_none, i): [string, (socket: Socket) => void, RegExp] => [
      `sends ${i + 1} bytes behind its one (E4, CVE-2021-23222)`,
      script(STUFFED.subarray(0, i + 2)),
      /before the TLS handshake/,
    ]),
    ['sends its one byte and then others in the clear (E4)', script('S', STUFFED.subarray(1)), /TLS/],
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
      policy: () => parsePolicy({ version: 1, rules: [] }),
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
      insideTls(made[kind], () => undefined)(socket)
    })
    await expect(login(target(port, { mode: 'verify-full', ca: made.ca }))).rejects.toThrow(/TLS/)
    await Promise.all(closed)
    server.close()
  })

  test('F19: nobody there', async () => {
    await expect(login(target(1))).rejects.toThrow(/can't be reached \(ECONNREFUSED\)/)
  })
})
