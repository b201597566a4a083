import { expect, test } from 'vitest'
import type { RecordedEvent, RowsEvent } from '../format/event.ts'
import { withWholeRows } from './whole-rows.ts'

const STAMP = { seq: 1, at: 0, monotonic: 0 }

const rows = (text: string, count: number, more: Partial<RowsEvent> = {}): RecordedEvent => ({
  ...STAMP,
  kind: 'rows',
  statement: 1,
  first: 0,
  rows: count,
  columns: null,
  bytes: text.length,
  kept: 'frames',
  hmac: null,
  frames: Buffer.from(text),
  ...more,
})
const cancel: RecordedEvent = { ...STAMP, kind: 'cancel-requested', statement: 1 }
const closed: RecordedEvent = { ...STAMP, kind: 'closed', reason: 'client-left' }

async function read(...events: readonly RecordedEvent[]): Promise<readonly string[]> {
  const told: string[] = []
  const source = (async function* () {
    yield* events
  })()
  for await (const event of withWholeRows(source))
    told.push(event.kind === 'rows' ? `${event.rows} ${event.bytes} ${event.frames ?? event.kept}` : event.kind)
  return told
}

test('a row in parts is one again, and rows around it stay as they are', async () => {
  const events = [rows('ab', 2), rows('c', 0), rows('d', 0), rows('e', 1), rows('f', 1), rows('', 0), closed]
  expect(await read(...events)).toEqual(['2 2 ab', '1 3 cde', '1 1 f', '0 0 ', 'closed'])
})

test('what comes while a row does is told at once, and one that never ends is told as far as it came', async () => {
  expect(await read(rows('a', 0), cancel, rows('b', 1), closed)).toEqual(['cancel-requested', '1 2 ab', 'closed'])
  expect(await read(rows('a', 0), rows('b', 0), closed)).toEqual(['0 2 ab', 'closed'])
  expect(await read(rows('a', 0), rows('b', 0))).toEqual(['0 2 ab'])
})

test('without their key parts are one row all the same, and parts of which digests were kept are left as they are', async () => {
  const gone = { frames: null }
  expect(await read(rows('ab', 0, gone), rows('c', 1, gone))).toEqual(['1 3 frames'])
  const digest = { frames: null, kept: 'digest' } as const
  expect(await read(rows('a', 0, digest), rows('b', 1, digest))).toEqual(['0 1 digest', '1 1 digest'])
})

test('a row that is larger than readers hold is told without its bytes', async () => {
  const part = 'x'.repeat(40_000_000)
  expect(await read(rows(part, 0), rows(part, 1))).toEqual(['1 80000000 too-large'])
})
