import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type Certificates, makeCertificates } from '@querywarden/dev-servers'
import { encodePassword, encodeSslRequest, encodeStartup } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { RawClient, rawConnect } from './raw-client.ts'

let governed: Governed
let certificates: Certificates
let dir: string
beforeAll(async () => {
  certificates = makeCertificates()
  dir = await mkdtemp(join(tmpdir(), 'querywarden-tls-'))
  await writeFile(join(dir, 'server.crt'), certificates.server.cert)
  await writeFile(join(dir, 'server.key'), certificates.server.key)
  governed = await govern({
    listen: `{ address: "127.0.0.1:0", tls: { cert: ${join(dir, 'server.crt')}, key: ${join(dir, 'server.key')} } }`,
    more: 'limits: { login_seconds: 3 }',
  })
})
afterAll(async () => {
  await governed.stop()
  await rm(dir, { recursive: true, force: true })
})

const STARTUP = encodeStartup(
  new Map([
    ['user', 'agent'],
    ['database', 'app'],
  ]),
)

/** A raw client inside TLS, and the socket under it. */
async function secured(): Promise<{ client: RawClient; outer: RawClient; tls: TLSSocket }> {
  const outer = await rawConnect(governed.gateway.postgres)
  outer.socket.removeAllListeners('data')
  outer.send(encodeSslRequest())
  expect(String((await once(outer.socket, 'data'))[0])).toBe('S')
  const tls = connectTls({ socket: outer.socket, ca: certificates.ca, servername: 'localhost' })
  await once(tls, 'secureConnect')
  return { client: new RawClient(tls), outer, tls }
}

async function psql(parameters: string, password: string): Promise<{ out: string; error: string }> {
  const { host, port } = governed.gateway.postgres
  const child = spawn(
    'psql',
    ['-Atc', 'select name, ssn from customers order by id', `host=${host} port=${port} ${parameters}`],
    {
      env: { PATH: process.env['PATH'], PGPASSWORD: password, PGUSER: 'agent', PGDATABASE: 'app' },
    },
  )
  let out = ''
  let error = ''
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    error += chunk
  })
  await once(child, 'close')
  return { out, error }
}

describe('TLS to clients', () => {
  test('a driver verifies the certificate and works', async () => {
    const client = await governed.client({ ssl: { ca: certificates.ca } })
    expect((await client.query('select count(*)::int as n from orders')).rows).toEqual([{ n: 3 }])
    await expect(governed.client({ ssl: { ca: makeCertificates().ca } })).rejects.toThrow()
  })

  test.each(['require', 'verify-full'])('psql with sslmode=%s works', async mode => {
    await writeFile(join(dir, 'ca.crt'), certificates.ca)
    const { out, error } = await psql(`sslmode=${mode} sslrootcert=${join(dir, 'ca.crt')}`, await governed.token())
    expect(error).toBe('')
    expect(out.split('\n').map(line => line.split('|')[0])).toEqual(['Ada', 'Grace', ''])
  })

  test('psql reads through TLS why its login is refused', async () => {
    const { error } = await psql('sslmode=require', 'not-a-token-canary')
    expect(error).toContain('login refused')
    expect(error).not.toContain('canary')
  })

  test('a start-up parameter that is refused is refused inside TLS, not beside it', async () => {
    const { client, outer } = await secured()
    client.send(encodeStartup(new Map([...Object.entries({ user: 'a', database: 'app', role: 'postgres' })])))
    expect((await client.toEnd())[0]).toMatch(/^E FATAL 0A000 .*`role`/)
    expect(outer.text).not.toContain('0A000')
  })

  test('E4: clear text behind the SSLRequest is not taken for protected', async () => {
    const client = await rawConnect(governed.gateway.postgres)
    client.send(encodeSslRequest(), STARTUP)
    await client.closed
    expect(client.text).toMatch(/^E/)

    const late = await rawConnect(governed.gateway.postgres)
    late.send(encodeSslRequest())
    await once(late.socket, 'data')
    late.send(STARTUP, encodePassword({ password: await governed.token() }))
    await late.closed
    expect(late.text).not.toContain('R\0\0\0')
  })

  test('E5: a second SSLRequest inside TLS ends the connection', async () => {
    const { client } = await secured()
    client.send(encodeSslRequest())
    expect((await client.toEnd())[0]).toMatch(/^E FATAL 08P01/)
  })

  test('E12: broken hellos and records, cut and reset, leave the gateway up', async () => {
    for (const bytes of ['\x16\x03\x01\x02\0', '\x16\x03\x01\0\x05hello', 'GET / HTTP/1.0\r\n\r\n', '\0\0\0\0']) {
      const client = await rawConnect(governed.gateway.postgres)
      client.send(encodeSslRequest())
      await once(client.socket, 'data')
      client.send(Buffer.from(bytes, 'latin1'))
      client.socket.end()
      await client.closed
    }
    const reset = await rawConnect(governed.gateway.postgres)
    reset.send(encodeSslRequest())
    await once(reset.socket, 'data')
    reset.socket.resetAndDestroy()
    const client = await governed.client({ ssl: { ca: certificates.ca } })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('a record that does not authenticate ends the session at once', async () => {
    const { client, outer } = await secured()
    client.send(STARTUP)
    await client.until('R')
    client.send(encodePassword({ password: await governed.token() }))
    await client.until('Z')
    const before = performance.now()
    // Past the TLS engine of our own side, straight onto the wire: application data that nobody encrypted.
    outer.socket.write(Buffer.concat([Buffer.from([0x17, 3, 3, 0, 32]), Buffer.alloc(32)]))
    await client.closed
    expect(performance.now() - before).toBeLessThan(2_500)
  })
})
