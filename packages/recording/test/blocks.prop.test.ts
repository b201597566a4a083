import { readFile, stat } from 'node:fs/promises'
import type { Completion, Entry, Parameter, RecordedColumn } from '@querywarden/policy-core'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FileRecorderOptions, type RecordedEvent, readRecording } from '../src/index.ts'
import { change, intent, KEK, recordSample, temporaryDir } from './fixtures.ts'
import { type SecondEntry, secondEntries } from './second-reader.ts'

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }))
const count = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs))
const ms = fc.double({ min: 0, max: 1e9, noNaN: true })

const message = fc.record({
  severity: text,
  sqlstate: text,
  message: fc.oneof(text, fc.constant('é'.repeat(3_000)), fc.constant('\u{1f600}'.repeat(400))),
  constraint: fc.option(text),
})
const measured = { rows: count, bytes: count, ms, waitedMs: ms }
const required = ['kind', 'rows', 'bytes', 'ms'] as const
const completion: fc.Arbitrary<Completion> = fc.oneof(
  fc.record({ kind: fc.constant('done' as const), tag: text, ...measured }, { requiredKeys: [...required, 'tag'] }),
  fc.record(
    { kind: fc.constant('failed' as const), sqlstate: text, error: message, ...measured },
    { requiredKeys: [...required, 'sqlstate'] },
  ),
  fc.record(
    { kind: fc.constant('cancelled' as const), why: text, ...measured },
    { requiredKeys: [...required, 'why'] },
  ),
  fc.record({ kind: fc.constant('not-run' as const), why: text }),
  fc.record({ kind: fc.constant('unknown' as const), why: text }),
)
const parameter: fc.Arbitrary<Parameter> = fc.record({
  typeOid: fc.nat(),
  format: fc.constantFrom('text' as const, 'binary' as const),
  value: fc.oneof(fc.constant(null), text, fc.uint8Array({ maxLength: 40 }), fc.constant('é'.repeat(3_000))),
})

/** A few judged statements, each of which may run again: one may hold a secret, one changes data. */
const statements = [
  intent(0, 'select 1'),
  intent(0, "select 'literal' from t where a = $1", { functions: ['now'], effects: ['read', 'session'] }),
  intent(0, "select pgp_sym_decrypt(a, 'secret') from t"),
  change(0, 'update t set a = $1'),
]
type Intent = Extract<Entry, { kind: 'intent' }>
/** The runs of a judgement share what it says, by identity; now and then one only looks alike. */
const run: fc.Arbitrary<Intent> = fc
  .record({
    judged: fc.constantFrom(...statements),
    statement: count,
    params: fc.array(parameter, { maxLength: 3 }),
    twist: fc.constantFrom<Partial<Intent>>({}, {}, {}, { text: "select 'other'" }, { tag: 'SHOW' }, { relations: [] }),
  })
  .map(({ judged, statement, params, twist }) => ({ ...judged, statement, params, ...twist }))
const rows: fc.Arbitrary<Entry> = fc.record(
  {
    kind: fc.constant('rows' as const),
    statement: count,
    first: count,
    rows: count,
    columns: fc.option<readonly RecordedColumn[]>(
      fc.array(
        fc.record({ name: text, typeOid: fc.nat(), format: fc.constantFrom('text' as const, 'binary' as const) }),
        { maxLength: 3 },
      ),
    ),
    frames: fc.uint8Array({ maxLength: 12_000, size: 'max' }),
    keep: fc.constantFrom('frames' as const, 'digest' as const),
  },
  { requiredKeys: ['kind', 'statement', 'first', 'rows', 'columns', 'frames'] },
)
const entry: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 4, arbitrary: run },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('completion' as const), statement: count, completion }) },
  { weight: 2, arbitrary: rows },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('notice' as const), statement: fc.option(count), notice: message }),
  },
  { weight: 1, arbitrary: fc.constant<Entry>({ kind: 'cancel-requested', statement: null }) },
)

async function account(entries: readonly Entry[], more: Partial<FileRecorderOptions>): Promise<readonly unknown[]> {
  const { file } = await recordSample(await temporaryDir(), more, entries)
  const events: RecordedEvent[] = []
  for await (const event of readRecording(file, { kek: KEK })) events.push(event)
  return events.slice(1, -1).map(told)
}

/** An event without what differs from one recording to the next: times, places and digests under keys of its own. */
const told = (event: RecordedEvent): unknown => {
  const { seq, at, monotonic, ...rest } = { at: 0, monotonic: 0, ...event }
  expect(seq + at + monotonic).toBeGreaterThan(0)
  if (rest.kind === 'rows') return { ...rest, hmac: rest.hmac?.length }
  if (rest.kind !== 'intent') return rest
  return {
    ...rest,
    sql: { ...rest.sql, hmac: '' },
    params: rest.params.map(param => ({ ...param, hmac: param.hmac?.length })),
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** Rows and what follows them are in a block, where they are few. */
const isInBlocks = (entry: Entry): boolean => entry.kind !== 'rows' || entry.frames.length < 2_000

describe('entries in blocks', () => {
  test.each(['digests', 'encrypted'] as const)(
    'tell what the same entries tell in frames of their own: %s',
    async parameters => {
      await fc.assert(
        fc.asyncProperty(fc.array(entry, { maxLength: 30 }), async entries => {
          const blocks = await account(entries, { durability: 'standard', parameters })
          expect(blocks).toEqual(await account(entries, { durability: 'strict', parameters }))
        }),
        { numRuns: 60 },
      )
    },
  )

  test('are told alike by a reader made from the format’s description alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry.filter(isInBlocks), { maxLength: 20 }), async entries => {
        const { file } = await recordSample(await temporaryDir(), {}, entries)
        const wrapped = await readFile(file.replace('.dbrec', '.values'))
        const [first, second]: readonly SecondEntry[][] = [[], [...secondEntries(await readFile(file), KEK, wrapped)]]
        for await (const event of readRecording(file, { kek: KEK })) {
          // What changes data has a frame of its own.
          if (event.kind === 'intent' && !event.effects.includes('write'))
            first?.push({ statement: event.statement, text: event.sql.text, outcome: null })
          if (event.kind === 'notice')
            first?.push({ statement: event.statement ?? 0, text: event.notice.message, outcome: null })
          if (event.kind === 'rows')
            first?.push({
              statement: event.statement,
              text: event.frames === null ? null : hex(event.frames),
              outcome: null,
            })
          if (event.kind === 'completion')
            first?.push({ statement: event.statement, text: null, outcome: event.completion.kind })
        }
        expect(second).toEqual(first)
      }),
      { numRuns: 40 },
    )
  })

  test('take a fraction of the room', async () => {
    const judged = intent(0, 'select a, b, c from t where d = $1')
    const params: readonly Parameter[] = [{ typeOid: 23, format: 'text', value: '42' }]
    const entries = Array.from({ length: 200 }, (_, i): readonly Entry[] => [
      { ...judged, statement: i, params },
      {
        kind: 'completion',
        statement: i,
        completion: { kind: 'done', tag: 'SELECT 1', rows: 1, bytes: 10, ms: 0.125 },
      },
    ]).flat()
    const size = async (durability: 'standard' | 'strict'): Promise<number> => {
      const { file } = await recordSample(await temporaryDir(), { durability }, entries)
      return (await stat(file)).size
    }
    expect(await size('standard')).toBeLessThan((await size('strict')) / 3)
  })
})
