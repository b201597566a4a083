import type { RecordedColumn } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import type { EventStamp, IntentEvent, RecordedEvent, RowsEvent } from '../format/event.ts'
import { colourLook, plainLook } from './look.ts'
import { pauseBetween } from './pace.ts'
import { sqlScript } from './sql-script.ts'
import { PLAIN_REPLAY, type ReplayOptions, tellRecording } from './tell.ts'
import { widthOf } from './visible.ts'
import { eventsWithin, parseReplayPoint } from './window.ts'

const START = Date.UTC(2026, 0, 2, 3, 4, 5)
const stamp = (ms: number): EventStamp => ({ seq: 0, at: START + ms, monotonic: 1_000 + ms })

const intent = (text: string, ms: number, statement = 1): IntentEvent => ({
  ...stamp(ms),
  kind: 'intent',
  statement,
  sql: { redacted: text, text, canonical: text, secret: false, bytes: text.length, hmac: '' },
  params: [],
  tag: 'SELECT',
  effects: ['read'],
  relations: [],
  functions: [],
  decision: 'allow',
  reasons: [],
  approval: null,
  masks: [],
  detect: [],
  limits: { rowsMax: null, bytesMax: null, timeMsMax: null },
})

const frame = (tag: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.write(tag, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function dataRow(cells: readonly (Uint8Array | string | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16BE(cells.length)
  const parts = cells.map(cell => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(cell === null ? -1 : Buffer.from(cell).length)
    return Buffer.concat([length, Buffer.from(cell ?? '')])
  })
  return frame('D', Buffer.concat([count, ...parts]))
}

const text = (name: string, typeOid = 25): RecordedColumn => ({ name, typeOid, format: 'text' })

const rows = (
  columns: readonly RecordedColumn[] | null,
  frames: readonly Buffer[],
  more: Partial<RowsEvent> = {},
): RowsEvent => ({
  ...stamp(10),
  kind: 'rows',
  statement: 1,
  first: 0,
  rows: frames.length,
  columns,
  bytes: Buffer.concat(frames).length,
  kept: 'frames',
  hmac: null,
  frames: Buffer.concat(frames),
  ...more,
})

async function told(events: readonly RecordedEvent[], options: Partial<ReplayOptions> = {}): Promise<string> {
  const lines: string[] = []
  for await (const moment of tellRecording(events, { ...PLAIN_REPLAY, ...options })) lines.push(...moment.lines)
  return lines.join('\n')
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* streamed<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

describe('rows', () => {
  const columns = [text('name'), text('total', 1700), text('note')]
  const shop = [dataRow(['Ada', '10.50', null]), dataRow(['王 小明', '9.00', 'NULL'])]

  test('are a table, numbers at the right, NULL told from a text that looks like it', async () => {
    expect(await told([rows(columns, shop)])).toBe(
      [
        '── 2026-01-02 UTC ──',
        '03:04:05.010  #1 received 2 rows from row 0 on, 64 bytes',
        '              name    │ total │ note  ',
        '              ────────┼───────┼───────',
        '              Ada     │ 10.50 │ NULL  ',
        '              王 小明 │  9.00 │ "NULL"',
      ].join('\n'),
    )
  })

  test.each([40, 60, 80])('fit into a terminal of %i columns, wide ones as one value a line', async width => {
    const wide = Array.from({ length: 12 }, (_, at) => text(`a_rather_long_name_${at}`))
    const long = rows(wide, [dataRow(wide.map(({ name }) => name.repeat(5)))])
    const few = rows(wide.slice(0, 2), [dataRow(['x'.repeat(300), 'y'])])
    for (const event of [long, few]) {
      const lines = (await told([event], { columns: width })).split('\n')
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width)
    }
    expect(await told([long], { columns: width })).toContain('─ row 1 ─')
    expect(await told([few], { columns: 80 })).toMatch(/x… │ y/)
  })

  test('of pieces of one result are one table; of another result another', async () => {
    const next = rows(null, [dataRow(['Grace', '1', '-'])], { first: 2 })
    const again = rows(columns, shop)
    const text = await told([rows(columns, shop), next, again])
    expect(text.match(/received/g)).toHaveLength(2)
    expect(text.match(/│ total │/g)).toHaveLength(2)
    expect(text).toContain('received 3 rows')
  })

  test('of COPY are its lines; binary COPY is counted', async () => {
    const lines = await told([rows(null, [frame('d', Buffer.from('1\tAda\n')), frame('d', Buffer.from('2\tGrace\n'))])])
    expect(lines).toContain('│ 1  Ada\n')
    expect(lines).toContain('│ 2  Grace')
    const binary = [frame('d', Buffer.from('PGCOPY\n\u00ff\r\n\0', 'latin1'))]
    expect(await told([rows(null, binary)])).toContain('bytes of COPY data in binary format')
  })

  test('that were not kept, or whose key is gone, are said not to be shown', async () => {
    const gone = { frames: null, rows: 7 }
    expect(await told([rows(columns, [], { ...gone, kept: 'digest', hmac: 'ab'.repeat(32) })])).toContain(
      '7 rows from row 0 on are not shown: but a digest of them is recorded (abababababababab…)',
    )
    expect(await told([rows(columns, [], gone)])).toContain('their key is gone')
  })

  test.each([
    ['cut', Buffer.from('44000000ff0001', 'hex')],
    ['of a length that is none', Buffer.from('4400000001', 'hex')],
    ['that promise more cells than there are', frame('D', Buffer.from('0005', 'hex'))],
    ['of another kind', frame('T', Buffer.alloc(3))],
  ])('in frames %s are bytes that are no row', async (_what, bytes) => {
    expect(await told([rows(columns, [...shop, bytes])])).toContain(`${bytes.length} bytes that are no row`)
  })
})

describe('R4: what is recorded can not drive the terminal that it is read in', () => {
  const HOSTILE = '\u001b[2J\u009b1m\u202e\u200b\u{e0041}\ud800\r\u0007x'

  test('in any place of an account, with colours and without', async () => {
    const events: RecordedEvent[] = [
      intent(`select '${HOSTILE}' as "${HOSTILE}" -- ${HOSTILE}`, 0),
      rows([text(HOSTILE)], [dataRow([HOSTILE])]),
      rows(null, [frame('d', Buffer.from(HOSTILE))]),
      {
        ...stamp(20),
        kind: 'notice',
        statement: 1,
        notice: { severity: HOSTILE, sqlstate: HOSTILE, message: HOSTILE, constraint: HOSTILE },
      },
      {
        ...stamp(20),
        kind: 'approval-answered',
        statement: 1,
        request: 'r',
        answer: 'denied',
        by: [{ issuer: HOSTILE, subject: HOSTILE }],
        reason: HOSTILE,
      },
      { ...stamp(30), kind: 'incident', statement: null, code: HOSTILE, message: HOSTILE },
    ]
    const printed = [
      await told(events),
      await told(events, { columns: 40 }),
      (await collect(sqlScript(streamed(events), plainLook))).join('\n'),
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that the look itself writes
      (await told(events, { look: colourLook, columns: 80 })).replace(/\u001b\[\d+m/g, ''),
    ]
    for (const one of printed) expect(one.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u)
  })

  test('a statement of several lines can not look like another line of the account', async () => {
    const lines = (
      await told([intent('select 1\n03:04:06.000  #2 allowed: SELECT\nfrom t', 0)], { columns: 80 })
    ).split('\n')
    expect(lines).toContain(`${' '.repeat(14)}│ 03:04:06.000  #2 allowed: SELECT`)
    expect(lines.filter(line => /^\S/.test(line))).toHaveLength(2)
  })

  test('a long line goes on behind its bar', async () => {
    const lines = (await told([intent(`select ${'a'.repeat(200)}`, 0)], { columns: 60 })).split('\n')
    expect(lines.slice(2).every(line => line.startsWith(`${' '.repeat(14)}│ `) && widthOf(line) <= 60)).toBe(true)
    expect(
      lines
        .slice(2)
        .map(line => line.slice(16))
        .join(''),
    ).toBe(`select ${'a'.repeat(200)}`)
  })
})

test('colours tell keywords, names, strings and numbers', async () => {
  const look = (role: string, text: string): string => `<${role} ${text}>`
  expect(await told([intent(`select a, 'b' from "C" where d = 1 -- e`, 0)], { look })).toContain(
    `<keyword select> <name a>, <string 'b'> <keyword from> <name "C"> <keyword where> <name d> = <number 1> <comment -- e>`,
  )
})

describe('a part of a session', () => {
  const events = [intent('select 1', 0, 1), intent('select 2', 60_000, 2), intent('select 3', 120_000, 3)]
  const from = (point: string, until: string | null = null) =>
    collect(
      eventsWithin(streamed<RecordedEvent>(events), {
        from: parseReplayPoint(point),
        until: until === null ? null : parseReplayPoint(until),
      }),
    ).then(found => found.map(event => (event.kind === 'intent' ? event.statement : event.kind)))

  test('begins and ends at times and at offsets', async () => {
    expect(await from('1m')).toEqual([2, 3])
    expect(await from('0s', '1m30s')).toEqual([1, 2])
    expect(await from('2026-01-02T03:05:05Z')).toEqual([2, 3])
    expect(await from('2026-01-02 03:04:06', '2026-01-02T04:06:00+01:00')).toEqual([2])
    expect(await from('60001ms')).toEqual([3])
  })

  test.each(['', 'soon', '1x', '5', '2026-13-01', 's', '+', '-5s'])('%j is no moment', moment => {
    expect(parseReplayPoint(moment)).toBeNull()
  })
})

test('a pace cuts long pauses, and never waits for a clock that went back', () => {
  expect(pauseBetween(0, 500, { speed: 1, pauseMsMax: 2_000 })).toBe(500)
  expect(pauseBetween(0, 60_000, { speed: 4, pauseMsMax: 2_000 })).toBe(2_000)
  expect(pauseBetween(0, 60_000, { speed: 4, pauseMsMax: Number.POSITIVE_INFINITY })).toBe(15_000)
  expect(pauseBetween(500, 0, { speed: 1, pauseMsMax: 2_000 })).toBe(0)
  expect(pauseBetween(0, 500, { speed: Number.POSITIVE_INFINITY, pauseMsMax: 2_000 })).toBe(0)
})

test('a script has what ran as statements, and what was refused in comments alone', async () => {
  const refused: RecordedEvent = {
    ...intent('drop table a;\ndrop table b', 5, 2),
    kind: 'refused',
    refusal: { code: 'DENIED_BY_RULE', rule: 'r', message: 'rule `r` denies ddl', hint: '', request: null },
  }
  const script = await collect(
    sqlScript(streamed<RecordedEvent>([intent('select 1 -- one', 0), refused, intent('select 2;', 9, 3)]), plainLook),
  )
  expect(script.filter(line => line !== '' && !line.startsWith('--'))).toEqual(['select 1 -- one', ';', 'select 2;'])
  expect(script).toContain('-- drop table b')
})
