import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { type Certificates, makeCertificates } from '@querywarden/dev-servers'
import {
  encodeCancelRequest,
  encodeGssencRequest,
  encodePassword,
  encodeSslRequest,
  encodeStartup,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { RawClient, rawConnect } from './raw-client.ts'

let certificates: Certificates
let dir: string
/** The same gateway with a certificate and without. */
let withTls: Governed
let plain: Governed
let token: string
beforeAll(async () => {
  certificates = makeCertificates()
  dir = await mkdtemp(join(tmpdir(), 'querywarden-tls-'))
  await writeFile(join(dir, 'server.crt'), certificates.server.cert)
  await writeFile(join(dir, 'server.key'), certificates.server.key)
  const limits = { failedLoginsPerMinuteMax: 1_000_000, loginMsMax: 30_000 }
  const tls = `tls: { cert: ${join(dir, 'server.crt')}, key: ${join(dir, 'server.key')} }`
  plain = await govern({ limits })
  withTls = await govern({ limits, listen: `{ address: "127.0.0.1:0", ${tls} }` })
  token = await plain.token()
})
afterAll(async () => {
  await Promise.all([plain.stop(), withTls.stop()])
  await rm(dir, { recursive: true, force: true })
})

const STARTUP = encodeStartup(
  new Map([
    ['user', 'agent'],
    ['database', 'app'],
  ]),
)

/** Bytes that a client begins TLS with. */
async function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  const written: Buffer[] = []
  const wire = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk)
      done()
    },
  })
  const tls = connectTls({ ...options, socket: wire })
  tls.on('error', () => undefined)
  while (written.length === 0) await new Promise(resolve => setImmediate(resolve))
  tls.destroy()
  return Buffer.concat(written)
}

/** What a client may begin with, and the token that a login needs. */
const ITEMS = ['ssl', 'gss', 'startup', 'direct', 'cancel', 'junk', 'token'] as const
type Item = (typeof ITEMS)[number]

const bytesOf = async (item: Item, ofDirect: Promise<Buffer>, accepted: string): Promise<Uint8Array> => {
  switch (item) {
    case 'ssl':
      return encodeSslRequest()
    case 'gss':
      return encodeGssencRequest()
    case 'startup':
      return STARTUP
    case 'direct':
      return ofDirect
    case 'cancel':
      return encodeCancelRequest(1, new Uint8Array(4))
    case 'junk':
      return Buffer.from('\0\0\0\x0a\x7f\x7f\x7f\x7f\x7f\x7f', 'latin1')
    case 'token':
      return encodePassword({ password: accepted })
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

type Outcome = 'open' | 'authenticated' | 'closed'

/** Sends one after the other, each once the one before it was answered. */
async function walk(gateway: Governed, items: readonly Item[], accepted: string): Promise<Outcome> {
  let client = await rawConnect(gateway.gateway.postgres)
  const outer = client
  const hello = clientHello({ ALPNProtocols: ['postgresql'] })
  let isSecured = false
  try {
    for (const item of items) {
      if (item === 'direct' && !isSecured && item === items[0] && gateway === withTls) {
        client = await inside(outer)
        if (client === outer) return 'closed'
        isSecured = true
        continue
      }
      const before = client.text.length
      client.send(await bytesOf(item, hello, accepted))
      // The time for a login is longer than this: what is not answered at once is not refused, but still listened to.
      const isAnswered = await Promise.race([
        once(client.socket, 'data').catch(() => undefined),
        client.closed,
        pause(10_000).then(() => 'silence' as const),
      ])
      if (isAnswered === 'silence') return 'open'
      const answer = client.text.slice(before)
      if (answer === 'S' && item === 'ssl' && !isSecured) {
        client = await inside(outer)
        isSecured = true
        continue
      }
      if (answer === 'N' || answer.startsWith('R\0\0\0\x08\0\0\0\x03')) continue
      if (item === 'token' && answer.startsWith('R\0\0\0\x08\0\0\0\0')) return 'authenticated'
      await client.closed
      // Of a machine with too much to do this says nothing (threats O1).
      return client.text.includes('overloaded') ? await walk(gateway, items, accepted) : 'closed'
    }
    return 'open'
  } finally {
    outer.socket.destroy()
  }
}

/** The client inside TLS, or the one outside if that came to nothing. */
async function inside(outer: RawClient): Promise<RawClient> {
  outer.socket.removeAllListeners('data')
  const tls = connectTls({
    socket: outer.socket,
    ca: certificates.ca,
    servername: 'localhost',
    ALPNProtocols: ['postgresql'],
  })
  tls.on('error', () => undefined)
  await Promise.race([once(tls, 'secureConnect').catch(() => undefined), outer.closed])
  return tls.authorized ? new RawClient(tls) : outer
}

describe('E5: every sequence of up to six openings ends in a login or a closed connection, and in one of them only', () => {
  // Whatever begins with what closes a connection is over with that, so only what stays open is gone on with.
  test.each([
    ['without a certificate', () => plain, /^(gss )?(ssl )?startup token$/, /^(gss )?(ssl )?(startup )?$/],
    ['with one', () => withTls, /^((gss )?(ssl )?|direct )startup token$/, /^((gss )?(ssl )?|direct )(startup )?$/],
  ])('%s', { timeout: 120_000 }, async (_name, gateway, login, waiting) => {
    const accepted = await gateway().token()
    let open: readonly (readonly Item[])[] = [[]]
    let seen = 0
    const logins: string[] = []
    for (let length = 1; length <= 6; length++) {
      const next = open.flatMap(prefix => ITEMS.map(item => [...prefix, item]))
      const outcomes = await Promise.all(next.map(items => walk(gateway(), items, accepted)))
      for (const [i, outcome] of outcomes.entries()) {
        const items = next[i]?.join(' ') ?? ''
        if (outcome === 'authenticated') logins.push(items)
        const expected = login.test(items) ? 'authenticated' : waiting.test(`${items} `) ? 'open' : 'closed'
        expect([items, outcome]).toEqual([items, expected])
      }
      seen += next.length
      open = next.filter((_items, i) => outcomes[i] === 'open')
    }
    expect(open).toEqual([])
    expect(logins).toHaveLength(gateway() === plain ? 4 : 5)
    expect(seen).toBeGreaterThan(50)
  })

  test('none that is sent in one piece, its answers unread, is ever let in (E4)', { timeout: 120_000 }, async () => {
    const sequences: Item[][] = []
    for (const a of ITEMS) for (const b of ITEMS) sequences.push([a, b], ...ITEMS.map(c => [a, b, c]))
    for (let i = 0; i < 300; i++)
      sequences.push(Array.from({ length: randomInt(4, 7) }, () => ITEMS[randomInt(ITEMS.length)] ?? 'junk'))
    const hello = clientHello({ ALPNProtocols: ['postgresql'] })
    for (const gateway of [plain, withTls]) {
      for (let from = 0; from < sequences.length; from += 50) {
        await Promise.all(
          sequences.slice(from, from + 50).map(async items => {
            const client = await rawConnect(gateway.gateway.postgres)
            client.send(...(await Promise.all(items.map(item => bytesOf(item, hello, token)))))
            await client.closed
            expect([items, client.text.includes('R\0\0\0\x08')]).toEqual([items, false])
          }),
        )
      }
    }
  })

  test('TLS without a request before it is spoken by ALPN only', async () => {
    for (const options of [{}, { ALPNProtocols: ['http/1.1'] }, { ALPNProtocols: ['postgresql2'] }]) {
      const { host, port } = withTls.gateway.postgres
      const tls = connectTls({ host, port, ca: certificates.ca, servername: 'localhost', ...options })
      tls.on('error', () => undefined)
      const client = new RawClient(tls)
      client.send(STARTUP)
      expect((await client.toEnd()).join()).not.toContain('R cleartext-password')
    }
    const client = await rawConnect(plain.gateway.postgres)
    client.send(await clientHello({ ALPNProtocols: ['postgresql'] }))
    expect((await client.toEnd()).join()).toMatch(/08P01 the client began with TLS, and this gateway has none/)
  })

  test('one deadline holds for all of it', async () => {
    const hasty = await govern({ limits: { loginMsMax: 700 } })
    const client = await rawConnect(hasty.gateway.postgres)
    const startedMs = performance.now()
    client.send(encodeGssencRequest())
    await once(client.socket, 'data')
    await pause(400)
    client.send(encodeSslRequest())
    await once(client.socket, 'data')
    await pause(200)
    client.send(STARTUP)
    await client.toEnd()
    expect(performance.now() - startedMs).toBeLessThan(1_500)
    await hasty.stop()
  })
})

describe('E4: a start-up packet behind an SSLRequest, cut at every byte', () => {
  const both = Buffer.concat([encodeSslRequest(), STARTUP])
  const cuts = Array.from({ length: both.length - 1 }, (_none, i) => i + 1)

  test('is never taken for one that came through TLS', async () => {
    await Promise.all(
      cuts.map(async cut => {
        const client = await rawConnect(withTls.gateway.postgres)
        client.send(both.subarray(0, cut))
        await pause(50)
        client.send(both.subarray(cut))
        await client.closed
        expect([cut, client.text.includes('R\0\0\0\x08')]).toEqual([cut, false])
      }),
    )
  })

  test('is taken in the clear only if it waited for the answer', async () => {
    await Promise.all(
      cuts.map(async cut => {
        const client = await rawConnect(plain.gateway.postgres)
        client.send(both.subarray(0, cut))
        await pause(50)
        client.send(both.subarray(cut))
        // The one byte that answers a request is no message, so it is the bytes that are looked at.
        while (!client.text.includes('R\0\0\0\x08') && !client.socket.closed) await pause(10)
        expect([cut, client.text.startsWith('N') && client.text.includes('R\0\0\0\x08')]).toEqual([cut, cut === 8])
        client.socket.destroy()
      }),
    )
  })
})

describe('E12: TLS that is made to break things', () => {
  const HELLOS = 2_000

  /** Cut, flipped, doubled, with any name and any protocols in it. */
  async function brokenHello(): Promise<Buffer> {
    const name = randomBytes(randomInt(1, 60)).toString('base64url')
    const hello = await clientHello({
      servername: name,
      ALPNProtocols: Array.from({ length: randomInt(0, 5) }, () => randomBytes(randomInt(1, 20)).toString('hex')),
      maxVersion: randomInt(2) === 0 ? 'TLSv1.2' : 'TLSv1.3',
    })
    for (let flips = randomInt(0, 6); flips > 0; flips--) hello[randomInt(1, hello.length)] = randomInt(256)
    const cut = hello.subarray(0, randomInt(1, hello.length + 1))
    return randomInt(4) === 0 ? Buffer.concat([cut, cut]) : cut
  }

  test(`${HELLOS} random hellos leave the gateway up`, { timeout: 180_000 }, async () => {
    const one = async (): Promise<void> => {
      const client = await rawConnect(withTls.gateway.postgres)
      const hello = await brokenHello()
      if (randomInt(2) === 0) client.send(encodeSslRequest())
      client.send(hello)
      if (randomInt(2) === 0) client.socket.end()
      else setTimeout(() => client.socket.resetAndDestroy(), randomInt(20))
      await client.closed
    }
    for (let done = 0; done < HELLOS; done += 50) await Promise.all(Array.from({ length: 50 }, one))
    const client = await withTls.client({ ssl: { ca: certificates.ca } })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })
})
