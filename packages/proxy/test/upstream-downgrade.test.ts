import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { makeCertificates, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { encodeAuthentication, encodeErrorResponse, encodeSslRequest } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LoginMethod, ReachedTarget } from '../src/config/config.ts'
import { cancelUpstream } from '../src/postgres/upstream-cancel.ts'
import { logInUpstream, type Upstream } from '../src/postgres/upstream-login.ts'
import { type Answer, challenge, evil, greeting, insideTls, OK, offer, script } from './evil-server.ts'

const PASSWORD = 'hunter2-canary'
const EITHER: readonly LoginMethod[] = ['scram-sha-256', 'scram-sha-256-plus']
const BOUND: readonly LoginMethod[] = ['scram-sha-256-plus']

const target = (port: number, loginMethods: readonly LoginMethod[], ca: string | null): ReachedTarget => ({
  name: 'app',
  dialect: 'postgres',
  address: { host: '127.0.0.1', port },
  user: 'svc_app',
  database: 'app',
  password: null,
  tls: ca === null ? { mode: 'off' } : { mode: 'verify-full', ca },
  loginMethods,
  searchPath: ['public'],
})
const login = (config: ReachedTarget): Promise<Upstream> =>
  logInUpstream(config, PASSWORD, new Map(), { frameBytesMax: 1 << 20, timeoutMs: 3_000 })

describe('E11: over TLS, with a certificate that is in order, a server that', () => {
  const made = makeCertificates()

  test.each<[string, readonly LoginMethod[], readonly Answer[], RegExp]>([
    ['offers SCRAM without binding where it is required', BOUND, [offer('SCRAM-SHA-256')], /does not offer it/],
    ['asks for MD5', EITHER, [encodeAuthentication({ kind: 'md5-password', salt: new Uint8Array(4) })], /weaker than/],
    ['asks in the clear', EITHER, [encodeAuthentication({ kind: 'cleartext-password' })], /weaker than/],
    ['lets anybody in', EITHER, [Buffer.concat([OK, greeting()])], /without proving/],
    ['offers PLAIN', EITHER, [offer('PLAIN')], /no SCRAM-SHA-256/],
    [
      'lets in before the binding is proved (CVE-2026-54291)',
      BOUND,
      [offer('SCRAM-SHA-256-PLUS'), Buffer.concat([OK, greeting()])],
      /without proving/,
    ],
  ])('%s gets no login', async (_name, methods, answers, why) => {
    const seen: Buffer[] = []
    const { port, server } = await evil(
      insideTls(made.server, secured => {
        secured.on('data', chunk => seen.push(chunk))
        script(...answers)(secured)
      }),
    )
    await expect(login(target(port, methods, made.ca))).rejects.toThrow(why)
    expect(Buffer.concat(seen).toString('latin1')).not.toContain('hunter2')
    server.close()
  })

  test.each<[string, readonly LoginMethod[], readonly string[], string]>([
    ['has binding is asked for it', EITHER, ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'], 'p=tls-server-end-point,,'],
    ['has it and must not use it is told that we do without', ['scram-sha-256'], ['SCRAM-SHA-256'], 'n,,'],
    ['hides it is told that we would have', EITHER, ['SCRAM-SHA-256'], 'y,,'],
  ])('%s', async (_name, methods, mechanisms, flag) => {
    let first = ''
    const { port, server } = await evil(
      insideTls(made.server, secured =>
        script(offer(...mechanisms), seen => {
          first = seen
          return challenge(',s=AAAA,i=1')(seen)
        })(secured),
      ),
    )
    await expect(login(target(port, methods, made.ca))).rejects.toThrow(/malformed/)
    expect(first).toContain(`${flag}n=,r=`)
    server.close()
  })
})

test('E11: without TLS a login that must be bound is not even begun', async () => {
  const { port, server } = await evil(script(offer('SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS')))
  await expect(login(target(port, BOUND, null))).rejects.toThrow(/no certificate/)
  server.close()
})

describe.each([15, 18] as const)('PostgreSQL %d over TLS', major => {
  let database: PostgresServer
  let ca = ''
  beforeAll(async () => {
    database = await startPostgres({ major, tls: true, database: 'app' })
    ca = database.certificates?.ca ?? ''
    await database.exec(`create role svc_app login password '${PASSWORD}'`)
  })
  afterAll(() => database.stop())

  test('E9: speaks the newest protocol it knows, with a key to match', async () => {
    const upstream = await login(target(database.port, EITHER, ca))
    expect(upstream.secretKey).toHaveLength(major === 18 ? 32 : 4)
    upstream.link.socket.destroy()
  })

  test('takes a login that must be bound', async () => {
    const upstream = await login(target(database.port, BOUND, ca))
    upstream.link.socket.destroy()
  })

  /** Stands in the middle with a certificate of its own that is in order, and passes on what it reads. */
  async function inTheMiddle(change: (fromServer: Buffer) => Buffer): Promise<{ port: number; trusted: string }> {
    const own = makeCertificates()
    const passOn = async (secured: Socket): Promise<void> => {
      const early: Buffer[] = []
      const keep = (chunk: Buffer): void => void early.push(chunk)
      secured.on('data', keep)
      const toServer = await securedTo(database.port, ca)
      toServer.on('data', chunk => secured.write(change(chunk)))
      toServer.on('close', () => secured.destroy())
      secured.on('close', () => toServer.destroy())
      secured.off('data', keep)
      for (const chunk of early) toServer.write(chunk)
      secured.on('data', chunk => toServer.write(chunk))
    }
    const { port, server } = await evil(insideTls(own.server, secured => void passOn(secured)))
    server.unref()
    return { port, trusted: `${ca}\n${own.ca}` }
  }

  test('E11: a login through somebody in the middle is refused by the binding, by nothing else', async () => {
    const { port, trusted } = await inTheMiddle(chunk => chunk)
    await expect(login(target(port, EITHER, trusted))).rejects.toThrow(/the gateway's own credential/)
    const unbound = await login(target(port, ['scram-sha-256'], trusted))
    unbound.link.socket.destroy()
  })

  test('E11: nor does it help to strike the binding from the offer', async () => {
    const { port, trusted } = await inTheMiddle(chunk =>
      chunk.includes('SCRAM-SHA-256-PLUS') ? Buffer.from(offer('SCRAM-SHA-256')) : chunk,
    )
    await expect(login(target(port, BOUND, trusted))).rejects.toThrow(/does not offer it/)
    await expect(login(target(port, EITHER, trusted))).rejects.toThrow(/the database refused/)
  })

  test('E10: a cancel request goes by TLS too, and stops what runs', async () => {
    const seen: Buffer[] = []
    const { port, server } = await evil(socket => {
      const database_ = connect(database.port, '127.0.0.1')
      for (const one of [socket, database_]) one.on('error', () => undefined)
      socket.on('data', chunk => seen.push(chunk))
      socket.pipe(database_).pipe(socket)
    })
    const config = target(port, EITHER, ca)
    const upstream = await login(config)
    upstream.link.write(Buffer.from('Q\0\0\0\x19select pg_sleep(600)\0', 'latin1'))
    const isAsleep = async (): Promise<boolean> =>
      (await database.exec("select 1 from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'"))
        .length > 0
    while (!(await isAsleep())) await new Promise(resolve => setTimeout(resolve, 20))
    await cancelUpstream(config, upstream)
    for (;;) {
      const frame = await upstream.link.read()
      if (frame?.tag !== 0x45) continue
      expect(Buffer.from(frame.body).toString('latin1')).toContain('57014')
      break
    }
    expect(Buffer.concat(seen).includes(Buffer.from('04d2162e', 'hex')), 'the request in the clear').toBe(false)
    upstream.link.socket.destroy()
    server.close()
  })
})

async function securedTo(port: number, ca: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(encodeSslRequest())
  await once(socket, 'data')
  const secured = connectTls({ socket, host: '127.0.0.1', ca })
  secured.on('error', () => undefined)
  await once(secured, 'secureConnect')
  return secured
}

describe('E9: a server that closes on protocol 3.2', () => {
  const no = (sqlstate: string): Uint8Array =>
    encodeErrorResponse({
      fields: new Map([
        ['S', 'FATAL'],
        ['C', sqlstate],
        ['M', 'no'],
      ]),
    })

  test.each(['0A000', '08P01'])('by an error of %s is asked again for 3.0', async sqlstate => {
    const asked: number[] = []
    const { port, server } = await evil(socket =>
      socket.once('data', chunk => {
        asked.push(chunk.readUInt32BE(4))
        if (chunk.readUInt32BE(4) === 0x3_0000) socket.write(Buffer.concat([OK, greeting()]))
        else socket.end(no(sqlstate))
      }),
    )
    const upstream = await logInUpstream(target(port, EITHER, null), null, new Map(), {
      frameBytesMax: 1 << 20,
      timeoutMs: 3_000,
    })
    expect(asked).toEqual([0x3_0002, 0x3_0000])
    upstream.link.socket.destroy()
    server.close()
  })

  test('by any other error is not asked again', async () => {
    let asked = 0
    const { port, server } = await evil(socket =>
      socket.once('data', () => {
        asked += 1
        socket.end(no('53300'))
      }),
    )
    await expect(login(target(port, EITHER, null))).rejects.toThrow(/53300/)
    expect(asked).toBe(1)
    server.close()
  })
})
