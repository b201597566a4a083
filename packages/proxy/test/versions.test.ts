import { encodePassword, encodeStartup } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawConnect, sendCancel } from './raw-client.ts'

describe.each([15, 18] as const)('E9: before PostgreSQL %d', major => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({ major })
  })
  afterAll(() => governed.stop())

  async function logIn(
    minor: number,
    extra: Record<string, string> = {},
  ): Promise<{ client: RawClient; lines: string[] }> {
    const client = await rawConnect(governed.gateway.postgres)
    client.send(encodeStartup(new Map(Object.entries({ user: 'agent', database: 'app', ...extra })), { minor }))
    const lines = await client.until('R')
    client.send(encodePassword({ password: await governed.token() }))
    lines.push(...(await client.until('Z', 'E')))
    return { client, lines }
  }

  /** NegotiateProtocolVersion, by its newest version and the options that it doesn't know. */
  const negotiated = (version: number, ...options: readonly string[]): string =>
    Buffer.concat([
      Buffer.from([0x76, 0, 0, 0, 12 + options.join('\0').length + (options.length > 0 ? 1 : 0), 0, 3, 0, version]),
      Buffer.from([0, 0, 0, options.length]),
      Buffer.from(options.map(name => `${name}\0`).join('')),
    ]).toString('latin1')

  test.each<[string, number, Record<string, string>, string, number]>([
    ['3.0', 0, {}, '', 4],
    ['3.2', 2, {}, '', 32],
    ['3.99', 99, {}, negotiated(2), 32],
    ['3.9999 with an option', 9_999, { '_pq_.test': '1' }, negotiated(2, '_pq_.test'), 32],
    ['3.0 with an option', 0, { '_pq_.test': '1' }, negotiated(0, '_pq_.test'), 4],
    ['3.2 with an option', 2, { '_pq_.test': '1' }, negotiated(2, '_pq_.test'), 32],
  ])(
    'a client of %s is answered by its own version, whatever the database speaks',
    async (_name, minor, extra, said, bytes) => {
      const { client, lines } = await logIn(minor, extra)
      expect(lines.at(-1)).toBe('Z idle')
      expect(client.text.slice(0, client.text.indexOf('R\0\0\0'))).toBe(said)
      expect(client.key.secretKey).toHaveLength(bytes)
      client.socket.destroy()
    },
  )

  test.each([0, 2])('a client of 3.%d cancels with its key', async minor => {
    const { client } = await logIn(minor)
    const sleeping = client.query('select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b')
    await new Promise(resolve => setTimeout(resolve, 200))
    const { processId, secretKey } = client.key
    await sendCancel(governed.gateway.postgres, { processId, secretKey: secretKey.map(byte => byte ^ 1) })
    expect((await sendCancel(governed.gateway.postgres, client.key)).text).toBe('')
    expect((await sleeping).at(-2)).toMatch(/^E ERROR 57014/)
    client.socket.destroy()
  })
})
