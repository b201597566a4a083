import { describe, expect, test } from 'vitest'
import { openBench } from '../../test/open-bench.ts'
import type { Entry } from '../entry.ts'
import type { ResultColumn } from '../hooks.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'
import type { Cleared } from './cleared.ts'
import { GateError } from './gate-error.ts'
import type { Session } from './session.ts'

const NAME: ResultColumn = { name: 'name', tableOid: 0, attnum: 0, typeOid: 25, typmod: -1, format: 'text' }
const COLUMNS = [NAME]

/** DataRow frames of one text column. */
const rowsOf = (...values: readonly string[]): Buffer =>
  Buffer.concat(
    values.map(value => {
      const frame = Buffer.alloc(11 + value.length)
      frame.write('D')
      frame.writeUInt32BE(10 + value.length, 1)
      frame.writeUInt16BE(1, 5)
      frame.writeInt32BE(value.length, 7)
      frame.write(value, 11)
      return frame
    }),
  )

/** What of rows a policy with these entries has recorded, read before `append` returns as a recorder does. */
async function recording(record: unknown): Promise<{
  readonly session: Session
  readonly cleared: Cleared
  readonly recorded: readonly unknown[]
  readonly kinds: readonly string[]
}> {
  const recorded: unknown[] = []
  const kinds: string[] = []
  const append = async (entry: Entry): Promise<void> => {
    kinds.push(entry.kind)
    if (entry.kind !== 'rows') return
    const { first, rows, columns, keep = 'frames' } = entry
    recorded.push([first, rows, columns?.map(({ name }) => name) ?? null, keep, Buffer.from(entry.frames).toString()])
  }
  const rules = [{ id: 'read', decision: 'allow', what: { effects: ['read'] } }]
  const { session } = await openBench({
    policy: compilePolicy(parsePolicy({ version: 1, rules, record }), { version: 'v' }),
    record: async () => ({ append, close: async () => undefined }),
  })
  const verdict = await session.submit({ text: 'read' })
  if (verdict.kind !== 'cleared') throw new Error(verdict.refusal.message)
  return { session, cleared: verdict.cleared, recorded, kinds }
}

const text = (...values: readonly string[]): string => rowsOf(...values).toString()

describe('rows', () => {
  test('without an entry nothing of rows is recorded', async () => {
    const { session, cleared, recorded } = await recording([])
    await session.rows(cleared, { frames: rowsOf('a'), rows: 1, columns: COLUMNS })
    await session.release(cleared, { columns: COLUMNS, rows: [['a']], ms: 1 })
    expect(recorded).toEqual([])
  })

  test('are numbered through the result, with columns where these are news', async () => {
    const { session, cleared, recorded } = await recording([{ rows: 'all' }])
    await session.rows(cleared, { frames: rowsOf('a', 'b'), rows: 2, columns: COLUMNS })
    await session.rows(cleared, { frames: rowsOf('c'), rows: 1, columns: COLUMNS })
    await session.rows(cleared, { frames: rowsOf('d'), rows: 1, columns: [{ ...NAME, format: 'binary' }] })
    expect(recorded).toEqual([
      [0, 2, ['name'], 'frames', text('a', 'b')],
      [2, 1, null, 'frames', text('c')],
      [3, 1, ['name'], 'frames', text('d')],
    ])
  })

  test('the first so many are cut off exactly, in whatever batches they come', async () => {
    const { session, cleared, recorded } = await recording([{ rows: { first: 3 } }])
    await session.rows(cleared, { frames: rowsOf('a', 'bb'), rows: 2, columns: COLUMNS })
    await session.rows(cleared, { frames: rowsOf('ccc', 'd', 'e'), rows: 3, columns: COLUMNS })
    await session.rows(cleared, { frames: rowsOf('f'), rows: 1, columns: COLUMNS })
    expect(recorded).toEqual([
      [0, 2, ['name'], 'frames', text('a', 'bb')],
      [2, 1, null, 'frames', text('ccc')],
      [3, 2, null, 'digest', text('d', 'e')],
      [5, 1, null, 'digest', text('f')],
    ])
  })

  test('a row in parts counts with its last one, and is kept whole or not at all', async () => {
    const { session, cleared, recorded } = await recording([{ rows: { first: 1 } }])
    const [one, two] = [rowsOf('abcdef'), rowsOf('ghijkl')]
    for (const frame of [one, two]) {
      await session.rows(cleared, { frames: frame.subarray(0, 13), rows: 0, columns: COLUMNS })
      await session.rows(cleared, { frames: frame.subarray(13), rows: 1, columns: COLUMNS })
    }
    expect(recorded).toEqual([
      [0, 0, ['name'], 'frames', one.subarray(0, 13).toString()],
      [0, 1, null, 'frames', one.subarray(13).toString()],
      [1, 0, null, 'digest', two.subarray(0, 13).toString()],
      [1, 1, null, 'digest', two.subarray(13).toString()],
    ])
  })

  test('of a digest nothing is to be kept', async () => {
    const { session, cleared, recorded } = await recording([{ rows: 'digest' }])
    await session.rows(cleared, { frames: rowsOf('a'), rows: 1, columns: COLUMNS })
    expect(recorded).toEqual([[0, 1, ['name'], 'digest', text('a')]])
  })

  test('R4: release records them ahead of the completion, as the caller gets them', async () => {
    const { session, cleared, recorded, kinds } = await recording([{ rows: 'all' }])
    const long = 'x'.repeat(70_000)
    const rows = [['é'], [null], [long], [Buffer.from('b')]]
    await session.release(cleared, { columns: COLUMNS, rows, ms: 1 })
    const row = (field: Buffer | null): Buffer => {
      const frame = Buffer.alloc(11)
      frame.write('D')
      frame.writeUInt32BE(10 + (field?.length ?? 0), 1)
      frame.writeUInt16BE(1, 5)
      frame.writeInt32BE(field?.length ?? -1, 7)
      return Buffer.concat([frame, field ?? Buffer.alloc(0)])
    }
    expect(recorded).toEqual([
      [0, 3, ['name'], 'frames', Buffer.concat([row(Buffer.from('é')), row(null), rowsOf(long)]).toString()],
      [3, 1, null, 'frames', text('b')],
    ])
    expect(kinds).toEqual(['intent', 'rows', 'rows', 'completion'])
  })

  test('R4, R5: rows that must not be shown, or that can not be recorded, are given to nobody', async () => {
    const rules = [{ id: 'read', decision: 'allow', what: { effects: ['read'] } }]
    const policy = compilePolicy(parsePolicy({ version: 1, rules, record: [{ rows: 'all' }] }), { version: 'v' })
    const kinds: string[] = []
    const append = async ({ kind }: Entry): Promise<void> => {
      kinds.push(kind)
      if (kind === 'rows') throw new Error('disk full')
    }
    const watch = (cell: Uint8Array | string): string | null => (cell === 'canary' ? 'one' : null)
    const { session } = await openBench({
      policy,
      watch,
      record: async () => ({ append, close: async () => undefined }),
    })
    for (const [value, error] of [
      ['canary', GateError],
      ['plain', /disk full/],
    ] as const) {
      const verdict = await session.submit({ text: 'read' })
      if (verdict.kind !== 'cleared') throw new Error(verdict.refusal.message)
      await expect(session.release(verdict.cleared, { columns: COLUMNS, rows: [[value]], ms: 1 })).rejects.toThrow(
        error,
      )
    }
    expect(kinds).toEqual(['intent', 'incident', 'intent', 'rows'])
  })
})

test('what a server says is recorded in the words that are shown, with its statement or without', async () => {
  const { session, entries } = await openBench()
  const verdict = await session.submit({ text: 'read' })
  const notice = { severity: 'WARNING', sqlstate: '01000', message: 'mind the gap', constraint: null }
  await session.notice(verdict.kind === 'cleared' ? verdict.cleared : null, notice)
  await session.notice(null, notice)
  expect(entries.slice(1)).toEqual([
    { kind: 'notice', statement: 1, notice },
    { kind: 'notice', statement: null, notice },
  ])
})
