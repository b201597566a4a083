import {
  CLOSE_COMPLETE,
  encodeAuthentication,
  encodeCommandComplete,
  encodeCopyData,
  encodeCopyInResponse,
  encodeErrorResponse,
  encodeNotificationResponse,
  encodeParameterStatus,
  encodeQuery,
  encodeReadyForQuery,
  SYNC,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin, sendCancel } from './raw-client.ts'
import { type Relay, startRelay } from './relay.ts'

let governed: Governed
let relay: Relay
let client: RawClient
beforeAll(async () => {
  governed = await govern({
    via: async port => {
      relay = await startRelay(port)
      return relay.port
    },
  })
})
afterAll(async () => {
  await governed.stop()
  relay.stop()
})
beforeEach(async () => {
  relay.change = null
  relay.delayMs = 0
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})

/** A DataRow with these bytes as its body. */
const row = (body: string): Buffer => {
  const bytes = Buffer.from(`D    ${body}`, 'latin1')
  bytes.writeUInt32BE(bytes.length - 1, 1)
  return bytes
}
const CANARY = 'canary-row'
const wholeRow = row(`\0\x01\0\0\0\x0a${CANARY}`)

describe('F17: what the database says unasked', () => {
  test.each<[string, Uint8Array]>([
    ['a row', wholeRow],
    ['ReadyForQuery', encodeReadyForQuery({ status: 'idle' })],
    ['CommandComplete', encodeCommandComplete({ tag: 'SELECT 1' })],
    ['CloseComplete', CLOSE_COMPLETE],
    ['CopyData', encodeCopyData({ data: Buffer.from(CANARY) })],
    ['CopyInResponse', encodeCopyInResponse({ format: 'text', columnFormats: ['text'] })],
    ['a second login', encodeAuthentication({ kind: 'ok' })],
    ['a request for a password', encodeAuthentication({ kind: 'cleartext-password' })],
    ['an unknown message', Buffer.from('?\0\0\0\x04', 'latin1')],
    ['a length of 4 GiB', Buffer.from('D\xff\xff\xff\xff', 'latin1')],
    ['another client_encoding', encodeParameterStatus({ name: 'client_encoding', value: 'SJIS' })],
    ['standard_conforming_strings off', encodeParameterStatus({ name: 'standard_conforming_strings', value: 'off' })],
  ])('%s ends the session, on both sides, with nothing of it shown', async (_name, bytes) => {
    relay.say(bytes)
    expect((await client.toEnd()).slice(-2)).toEqual([expect.stringMatching(/^E FATAL /), 'closed'])
    expect(client.text).not.toContain(CANARY)
  })

  test('its goodbye is passed on', async () => {
    const fields = new Map(Object.entries({ S: 'FATAL', V: 'FATAL', C: '57P01', M: 'terminating' }))
    relay.say(encodeErrorResponse({ fields }))
    expect((await client.toEnd())[0]).toBe('E FATAL 57P01 terminating')
  })

  test('notifications and unlisted settings are dropped, and the session goes on', async () => {
    relay.say(encodeNotificationResponse({ processId: 1, channel: 'c', payload: CANARY }))
    relay.say(encodeParameterStatus({ name: 'application_name', value: CANARY }))
    relay.say(encodeParameterStatus({ name: 'TimeZone', value: 'UTC' }))
    expect(await client.until('S')).toEqual(['S TimeZone'])
    expect(await client.query('select 1')).toContain('D 1')
    expect(client.text).not.toContain(CANARY)
    client.socket.destroy()
  })

  test('F18: a cut in the middle of a statement is reported', async () => {
    client.send(encodeQuery({ query: 'begin' }))
    await client.until('Z')
    relay.change = () => Buffer.alloc(0)
    client.send(encodeQuery({ query: "insert into notes values (1, 'x')" }))
    await new Promise(resolve => setTimeout(resolve, 100))
    relay.cut()
    expect((await client.toEnd()).at(-2)).toMatch(/^E FATAL 08006/)
  })
})

test('E10: a cancel that reaches the database late does not hit the next statement', async () => {
  const count = (rows: number): Uint8Array => encodeQuery({ query: `select count(*) from generate_series(1, ${rows})` })
  client.send(count(3_000_000))
  await new Promise(resolve => setTimeout(resolve, 50))
  relay.delayMs = 1_500
  const cancelled = sendCancel(governed.gateway.postgres, client.key)
  expect(await client.until('Z')).toContain('C SELECT 1')
  await cancelled
  const started = performance.now()
  client.send(count(10_000_000))
  expect(await client.until('Z')).toContain('C SELECT 1')
  // It waited: as long as the cancel was on its way.
  expect(performance.now() - started).toBeGreaterThan(500)
  client.socket.destroy()
})

describe('E11: what the database says in answer', () => {
  const ask = (): Promise<string[]> => {
    client.send(parse('', 'select id from orders'), bind('', ''), execute(), SYNC)
    return client.toEnd()
  }
  /** Puts something before the first row. */
  const beforeRows = (bytes: Uint8Array) => (chunk: Buffer) => {
    const at = chunk.indexOf(row('\0\x01\0\0\0\x011'))
    return at < 0 ? chunk : Buffer.concat([chunk.subarray(0, at), bytes, chunk.subarray(at)])
  }

  const ANSWERS: readonly (readonly [string, Uint8Array])[] = [
    ['a row with a field of length -2', row('\0\x01\xff\xff\xff\xfe')],
    ['a row with a field of 2 GiB', row(`\0\x01\x7f\xff\xff\xff${CANARY}`)],
    ['a row that ends inside a field', row(`\0\x01\0\0\0\x20${CANARY}`)],
    ['a row that goes on behind its last field', row(`\0\x01\0\0\0\x01x${CANARY}`)],
    ['a row with more columns than described', row(`\0\x02\0\0\0\x011\0\0\0\x0a${CANARY}`)],
    ['a row with no column', row('\0\0')],
    ['COPY data in a SELECT', encodeCopyData({ data: Buffer.from(CANARY) })],
    ['a request for COPY data in a SELECT', encodeCopyInResponse({ format: 'text', columnFormats: ['text'] })],
    ['ReadyForQuery before CommandComplete', encodeReadyForQuery({ status: 'idle' })],
  ]

  test.each(ANSWERS)('%s ends the session before it is shown', async (_name, bytes) => {
    relay.change = beforeRows(bytes)
    const lines = await ask()
    expect(lines.at(-2)).toMatch(/^E FATAL 08006/)
    expect(lines.filter(line => line.startsWith('D'))).toEqual([])
    expect(client.text).not.toContain(CANARY)
  })

  test.each(ANSWERS)('%s behind rows ends the session behind them', async (_name, bytes) => {
    relay.change = chunk => {
      const first = row('\0\x01\0\0\0\x011')
      const at = chunk.indexOf(first)
      if (at < 0) return chunk
      const end = at + first.length
      return Buffer.concat([chunk.subarray(0, end), first, bytes, chunk.subarray(end)])
    }
    const lines = await ask()
    expect(lines.at(-2)).toMatch(/^E FATAL 08006/)
    expect(lines.filter(line => line.startsWith('D'))).toEqual(['D 1', 'D 1'])
    expect(client.text).not.toContain(CANARY)
  })
})
