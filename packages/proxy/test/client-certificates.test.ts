import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { type CertificateAndKey, type Certificates, makeCertificates } from '@querywarden/dev-servers'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { recordedEvents } from './recorded-events.ts'

let dir: string
/** The gateway's authority, and the one whose client certificates it takes. */
let own: Certificates
let theirs: Certificates
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-tls-'))
  own = makeCertificates()
  theirs = makeCertificates()
  await writeFile(join(dir, 'clients.crt'), theirs.ca)
  await install(own.server)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function install({ cert, key }: CertificateAndKey): Promise<void> {
  await writeFile(join(dir, 'server.crt'), cert)
  await writeFile(join(dir, 'server.key'), key)
}

const start = (more = ''): Promise<Governed> =>
  govern({
    listen: `{ address: "127.0.0.1:0", tls: { cert: ${join(dir, 'server.crt')}, key: ${join(dir, 'server.key')}${more} } }`,
  })

const connectWith = (governed: Governed, certificate: Partial<CertificateAndKey> = {}): Promise<Client> =>
  governed.client({ ssl: { ca: own.ca, ...certificate } })

async function recordedClients(governed: Governed): Promise<readonly Readonly<Record<string, string>>[]> {
  const events = await recordedEvents(governed.recordings)
  return events.flatMap(event => (event.kind === 'opened' ? [event.client] : []))
}

describe('client certificates', () => {
  const bad = (): readonly [string, CertificateAndKey, RegExp][] => [
    ['of another authority', makeCertificates().client, /28000|certificate is not taken: /],
    ['of itself', theirs.selfSigned, /certificate is not taken: /],
    ['that is made for servers', theirs.server, /certificate is not taken: INVALID_PURPOSE/],
    ['that is over', theirs.expired, /certificate is not taken: /],
  ]

  describe('that are required', () => {
    let governed: Governed
    beforeAll(async () => {
      governed = await start(`, client_ca: ${join(dir, 'clients.crt')}`)
    })
    afterAll(() => governed.stop())

    test('let in with a token, and who holds them is recorded', async () => {
      const client = await connectWith(governed, theirs.client)
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect(await recordedClients(governed)).toContainEqual(
        expect.objectContaining({
          certificate: 'CN=client',
          certificate_sha256: new X509Certificate(theirs.client.cert).fingerprint256.replaceAll(':', '').toLowerCase(),
        }),
      )
    })

    test('let nobody in without a token', async () => {
      await expect(governed.client({ password: 'none', ssl: { ca: own.ca, ...theirs.client } })).rejects.toMatchObject({
        code: '28000',
        message: expect.stringContaining('login refused'),
      })
    })

    test('are asked for by name, inside TLS and outside', async () => {
      const refusal = { code: '28000', message: 'this gateway asks for a client certificate' }
      await expect(connectWith(governed)).rejects.toMatchObject(refusal)
      await expect(governed.client()).rejects.toMatchObject(refusal)
    })

    test('are not taken when they are bad, and the error says how', async () => {
      for (const [, certificate, why] of bad()) await expect(connectWith(governed, certificate)).rejects.toThrow(why)
      const before = (await recordedClients(governed)).length
      expect(before).toBe(1)
    })
  })

  test('that are optional: none is fine, a good one is recorded, a bad one is refused', async () => {
    const governed = await start(`, client_ca: ${join(dir, 'clients.crt')}, client_certificates: optional`)
    await connectWith(governed)
    await connectWith(governed, theirs.client)
    const names = (await recordedClients(governed)).map(client => client['certificate'])
    expect(names.toSorted()).toEqual(['CN=client', undefined])
    for (const [, certificate, why] of bad()) await expect(connectWith(governed, certificate)).rejects.toThrow(why)
    await governed.stop()
  })

  test('that nobody asked for are not even looked at', async () => {
    const governed = await start()
    await connectWith(governed, makeCertificates().client)
    expect((await recordedClients(governed)).map(client => client['certificate'])).toEqual([undefined])
    await governed.stop()
  })
})

describe('F33: certificates are replaced without a restart', () => {
  let governed: Governed
  let next: Certificates
  beforeAll(async () => {
    await install(own.server)
    governed = await start(`, client_ca: ${join(dir, 'clients.crt')}, client_certificates: optional`)
    next = makeCertificates()
  })
  afterAll(() => governed.stop())

  /** Whether a handshake finds a certificate of an authority. */
  async function isServed({ ca }: Certificates): Promise<boolean> {
    return governed.client({ ssl: { ca } }).then(
      client => client.end().then(() => true),
      () => false,
    )
  }

  test('sessions go on, and whoever comes next sees the new one', async () => {
    const before = await connectWith(governed)
    await install(next.server)
    expect([await isServed(own), await isServed(next)]).toEqual([true, false])
    expect(await governed.gateway.reload(() => governed.config)).not.toBeNull()
    expect([await isServed(own), await isServed(next)]).toEqual([false, true])
    expect((await before.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a key that is of another certificate', () => writeFile(join(dir, 'server.key'), own.server.key)],
    ['a certificate that is none', () => writeFile(join(dir, 'server.crt'), 'none')],
    ['no key at all', () => rm(join(dir, 'server.key'))],
    ['an authority that is none', () => writeFile(join(dir, 'clients.crt'), 'none')],
  ])('with %s nothing changes', async (_name, spoil) => {
    await spoil()
    expect(await governed.gateway.reload(() => governed.config)).toBeNull()
    expect([await isServed(own), await isServed(next)]).toEqual([false, true])
    await install(next.server)
    await writeFile(join(dir, 'clients.crt'), theirs.ca)
  })

  test('an authority that is replaced takes no certificate of the old one, not even by resuming', async () => {
    const { host, port } = governed.gateway.postgres
    let session: Buffer | undefined
    const first = connectTls({
      host,
      port,
      ca: next.ca,
      servername: 'localhost',
      ...theirs.client,
      ALPNProtocols: ['postgresql'],
    })
    first.on('session', given => {
      session = given
    })
    await new Promise(resolve => first.once('secureConnect', resolve))
    await new Promise(resolve => setTimeout(resolve, 100))
    first.destroy()
    await writeFile(join(dir, 'clients.crt'), makeCertificates().ca)
    expect(await governed.gateway.reload(() => governed.config)).not.toBeNull()
    const second = connectTls({
      host,
      port,
      ca: next.ca,
      servername: 'localhost',
      ...theirs.client,
      ALPNProtocols: ['postgresql'],
      ...(session === undefined ? {} : { session }),
    })
    let isReused = true
    second.once('secureConnect', () => {
      isReused = second.isSessionReused()
    })
    let said = ''
    second.on('data', chunk => {
      said += String(chunk)
    })
    second.on('error', () => undefined)
    await new Promise(resolve => second.once('close', resolve))
    expect([session === undefined, isReused]).toEqual([false, false])
    expect(said).toContain('certificate is not taken')
  })
})
