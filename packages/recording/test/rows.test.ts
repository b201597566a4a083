import { createHmac } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyContext, valueKeys } from '../src/format/keys.ts'
import {
  destroyValues,
  fileRecorder,
  listRecordings,
  localKeys,
  type RecordedEvent,
  readRecording,
  verifyDirectory,
} from '../src/index.ts'
import { done, intent, KEK, opening, optionsFor, recordSample, temporaryDir } from './fixtures.ts'
import { COLUMNS, rowsEntry, rowsOf } from './rows-fixtures.ts'

type RowsEvent = Extract<RecordedEvent, { kind: 'rows' }>

async function eventsOf(file: string): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of readRecording(file, { kek: KEK })) events.push(event)
  return events
}
const rowsIn = (events: readonly RecordedEvent[]): readonly RowsEvent[] => events.filter(event => event.kind === 'rows')

async function verdictsOf(dir: string) {
  return (await verifyDirectory(dir, { keys: localKeys(KEK, () => Buffer.alloc(12)) })).recordings.map(
    ({ verdict }) => verdict,
  )
}

describe('rows', () => {
  const result = fc.array(
    fc.record({
      values: fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 4 }),
      padding: fc.constantFrom(0, 0, 9_000, 300_000, 1_200_000),
    }),
    { maxLength: 5 },
  )
  test.each(['standard', 'strict'] as const)(
    'read back byte by byte and in order, whatever their size: %s',
    async durability => {
      await fc.assert(
        fc.asyncProperty(fc.array(result, { maxLength: 3 }), async results => {
          const entries: Entry[] = []
          const expected: Buffer[] = []
          for (const [index, parts] of results.entries()) {
            const statement = index + 1
            entries.push(intent(statement, 'select a from t'))
            let first = 0
            for (const { values, padding } of parts) {
              const rows = rowsEntry(statement, padding === 0 ? values : [...values, Buffer.alloc(padding, 3)])
              entries.push({ ...rows, first, columns: first === 0 ? COLUMNS : null })
              first += rows.rows
            }
            expected.push(
              Buffer.concat(entries.flatMap(e => (e.kind === 'rows' && e.statement === statement ? [e.frames] : []))),
            )
            entries.push(done(statement))
          }
          const { file } = await recordSample(await temporaryDir(), { durability, quotaBytes: 2 ** 30 }, entries)
          const events = await eventsOf(file)
          for (const [index, frames] of expected.entries()) {
            const rows = rowsIn(events).filter(({ statement }) => statement === index + 1)
            expect(Buffer.concat(rows.map(event => event.frames ?? Buffer.alloc(0))).equals(frames)).toBe(true)
            let next = 0
            for (const event of rows) {
              expect(event).toMatchObject({ first: next, kept: 'frames', hmac: null, bytes: event.frames?.length })
              next += event.rows
            }
            const place = (kind: string): number =>
              events.findLastIndex(e => e.kind === kind && 'statement' in e && e.statement === index + 1)
            if (rows.length > 0) expect(place('completion')).toBeGreaterThan(place('rows'))
          }
        }),
        { numRuns: 25 },
      )
    },
  )

  test('name their columns with the first of them, and are read before append returns', async () => {
    const rows = rowsOf(1, 600_000)
    const kept = Buffer.from(rows.frames)
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 2 ** 30 }))
    const session = await recorder.record(opening())
    const small = rowsOf(1, 2_000, { first: rows.rows, columns: null })
    const keptSmall = Buffer.from(small.frames)
    for (const entry of [rows, small]) {
      const taken = session.append(entry)
      entry.frames.fill(0xee)
      await taken
    }
    await session.append(done(1))
    await session.close('client-left')
    await recorder.close()
    const events = rowsIn(await eventsOf((await listRecordings(dir))[0]?.file ?? ''))
    expect(
      Buffer.concat(events.map(({ frames }) => frames ?? Buffer.alloc(0))).equals(Buffer.concat([kept, keptSmall])),
    ).toBe(true)
    expect(events.map(({ columns }) => columns)).toEqual([COLUMNS, ...events.slice(1).map(() => null)])
  })

  test.each(['standard', 'strict'] as const)('as digests hold a keyed digest and no value: %s', async durability => {
    const rows = [rowsOf(1, 5_000, { keep: 'digest' }), rowsOf(1, 3_000_000, { keep: 'digest', columns: null })]
    const { file } = await recordSample(await temporaryDir(), { durability }, [...rows, done(1)])
    const dek = await localKeys(KEK, () => Buffer.alloc(12)).unwrap(
      await readFile(file.replace('.dbrec', '.values')),
      keyContext(file.split('/').at(-1)?.replace('.dbrec', '') ?? '', 'value'),
    )
    const { key } = valueKeys(dek).digest
    const events = rowsIn(await eventsOf(file))
    expect(events.map(({ kept, frames }) => [kept, frames])).toEqual([
      ['digest', null],
      ['digest', null],
    ])
    for (const [index, { frames }] of rows.entries()) {
      const hmac = createHmac('sha256', key).update('rows').update(frames).digest('hex')
      expect(events[index]).toMatchObject({ hmac, bytes: frames.length, rows: rows[index]?.rows })
    }
    expect((await stat(file)).size).toBeLessThan(4_000)
  })

  test('of which one fits in no frame leave their digest, and say so', async () => {
    const huge = rowsEntry(1, [Buffer.alloc(67_108_864)])
    const { file } = await recordSample(await temporaryDir(), { quotaBytes: 2 ** 30 }, [huge, done(1)])
    const [event] = rowsIn(await eventsOf(file))
    expect(event).toMatchObject({ kept: 'too-large', frames: null, rows: 1, bytes: huge.frames.length })
    expect(event?.hmac).toMatch(/^[0-9a-f]{64}$/)
  })

  test('R4: are in the clear in no file, and gone with the VALUE key, yet all verifies', async () => {
    const canary = 'row-canary-8e1f'
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 2 ** 30 }))
    const session = await recorder.record(opening())
    const values = (count: number): Buffer[] => Array.from({ length: count }, () => Buffer.from(canary))
    await session.append(intent(1, 'select a from t'))
    await session.append(rowsEntry(1, values(3)))
    await session.append(rowsEntry(1, values(20_000), { first: 3, columns: null }))
    await session.append(rowsEntry(1, values(3), { first: 20_003, columns: null, keep: 'digest' }))
    const message = { severity: 'NOTICE', sqlstate: '00000', message: canary, constraint: null }
    await session.append({ kind: 'notice', statement: 1, notice: message })
    await session.append({
      kind: 'completion',
      statement: 1,
      completion: { kind: 'failed', sqlstate: '22012', rows: 3, bytes: 1, ms: 1, error: message },
    })
    // The tail has them by now, and the file not yet.
    await new Promise(resolve => setTimeout(resolve, 20))
    const clear = async (): Promise<readonly string[]> => {
      const names = await readdir(dir, { recursive: true, withFileTypes: true })
      const files = names.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
      const found = await Promise.all(files.map(async file => (await readFile(file, 'latin1')).includes(canary)))
      return files.filter((_, index) => found[index])
    }
    expect(await clear()).toEqual([])
    await session.close('client-left')
    await recorder.close()
    expect(await clear()).toEqual([])
    const { file } = (await listRecordings(dir))[0] ?? {}
    const told = async (): Promise<string> =>
      JSON.stringify(await eventsOf(file ?? ''), (_, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
      )
    expect(await told()).toContain(canary)
    await destroyValues(file ?? '')
    expect(await told()).not.toContain(canary)
    expect(rowsIn(await eventsOf(file ?? '')).every(({ frames }) => frames === null)).toBe(true)
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
  })
})

describe('R3: the quota', () => {
  test.each([
    ['small rows', 'standard', 2_000, {}],
    ['large rows', 'standard', 100_000, {}],
    ['rows larger than all of it', 'strict', 600_000, {}],
    ['digests', 'standard', 2_000, { keep: 'digest' as const }],
  ] as const)(
    'ends a session whose rows exceed it, and its account is whole: %s, %s',
    async (_, durability, bytes, more) => {
      const dir = await temporaryDir()
      const quotaBytes = 400_000
      const recorder = await fileRecorder(optionsFor(dir, { durability, quotaBytes }))
      const session = await recorder.record(opening())
      for (let statement = 1; statement <= 5; statement++) await session.append(intent(statement, 'select a from t'))
      let first = 0
      const fill = async (): Promise<void> => {
        for (;;) {
          const rows = rowsOf(1, bytes, { first, columns: null, ...more })
          await session.append(rows)
          first += rows.rows
        }
      }
      await expect(fill()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
      for (const entry of [intent(6, 'select 1'), rowsOf(2, 10), notice('x')])
        await expect(session.append(entry)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
      await session.append({ kind: 'incident', statement: 1, code: 'X', message: 'x' })
      const error = { severity: 'ERROR', sqlstate: '57014', message: 'x'.repeat(9_999), constraint: null }
      const failed = { kind: 'failed', sqlstate: '57014', rows: 1, bytes: 1, ms: 1, waitedMs: 1, error } as const
      for (let statement = 1; statement <= 5; statement++)
        await session.append({ kind: 'completion', statement, completion: failed })
      await session.close('recorder-failed')
      await recorder.close()
      expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
      const file = (await listRecordings(dir))[0]?.file ?? ''
      expect((await stat(file)).size).toBeLessThanOrEqual(quotaBytes)
      const events = await eventsOf(file)
      expect(events.filter(({ kind }) => kind === 'completion')).toHaveLength(5)
      expect(rowsIn(events).reduce((sum, { rows }) => sum + rows, 0)).toBe(first)
    },
  )

  test.each(['standard', 'strict'] as const)('a flood of notices is bounded by it: %s', async durability => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { durability, quotaBytes: 300_000 }))
    const session = await recorder.record(opening())
    await session.append(intent(1, 'select f()'))
    let taken = 0
    const flood = async (): Promise<void> => {
      for (;;) {
        await session.append(notice('a long story '.repeat(10_000)))
        taken++
      }
    }
    await expect(flood()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(taken).toBeGreaterThan(100)
    await session.append(done(1))
    await session.close('recorder-failed')
    await recorder.close()
    const file = (await listRecordings(dir))[0]?.file ?? ''
    expect((await stat(file)).size).toBeLessThanOrEqual(300_000)
    const notices = (await eventsOf(file)).flatMap(event => (event.kind === 'notice' ? [event.notice] : []))
    expect(notices).toHaveLength(taken)
    expect(Buffer.byteLength(notices[0]?.message ?? '')).toBeLessThanOrEqual(1_024)
    expect(notices[0]?.message).toMatch(/^a long story .*…$/)
  })
})

const notice = (message: string): Entry => ({
  kind: 'notice',
  statement: 1,
  notice: { severity: 'NOTICE', sqlstate: '00000', message, constraint: null },
})

describe('R5: rows of statements that a secret is in, or may seem to be', () => {
  const ROW = [Buffer.from('hunter2canary')]
  const asked = (sql: string, more: Partial<Extract<Entry, { kind: 'intent' }>> = {}): Entry =>
    ({ ...intent(1, sql), ...more }) as Entry
  const param = { value: 'hunter2canary', typeOid: 25, format: 'text' } as const

  const keptOf = async (durability: 'standard' | 'strict', entries: readonly Entry[]): Promise<unknown> => {
    const { file } = await recordSample(await temporaryDir(), { durability }, [
      ...entries,
      rowsEntry(entries.length, ROW),
      done(entries.length),
    ])
    const [event] = rowsIn(await eventsOf(file))
    expect(event?.frames === null).toBe(event?.kept === 'secret')
    return event?.kept
  }

  test.each<[string, Entry[]]>([
    ['a name alone', [asked('select id as password from customers')]],
    ['a name beside a short number', [asked('select * from customers order by secret_token limit 100')]],
    ['a comment alone', [asked('select * from customers /* password: none */')]],
    [
      'a parameter that is null',
      [asked('select password from t where id = $1', { params: [{ ...param, value: null }] })],
    ],
    ['a setting, where none was given a secret', [asked('show password_encryption', { tag: 'SHOW' })]],
  ])('%s hides no rows', async (_what, entries) => {
    for (const durability of ['standard', 'strict'] as const) expect(await keptOf(durability, entries)).toBe('frames')
  })

  test.each<[string, Entry[]]>([
    ['a literal beside a name', [asked("select 'hunter2canary' as password")]],
    ['a number beside a name', [asked('select 1234 as secret_pin')]],
    ['a parameter beside a name', [asked('select $1 as password', { params: [param] })]],
    ['texts of statements', [asked('select statement from pg_prepared_statements')]],
    [
      'a setting that was given one',
      [
        asked("set app.secret = 'hunter2canary'", { tag: 'SET', effects: ['session'] }),
        { ...intent(2, 'show app.secret'), tag: 'SHOW' } as Entry,
      ],
    ],
  ])('%s leaves a digest, and says why', async (_what, entries) => {
    for (const durability of ['standard', 'strict'] as const) expect(await keptOf(durability, entries)).toBe('secret')
  })
})

describe('what a server says', () => {
  test.each(['standard', 'strict'] as const)(
    'R4: of a statement that may hold a secret is kept without its words: %s',
    async durability => {
      const secret = 'hunter2canary'
      const error = { severity: 'ERROR', sqlstate: '42601', message: `near ${secret}`, constraint: null }
      const failed = { kind: 'failed', sqlstate: '42601', rows: 0, bytes: 0, ms: 1, error } as const
      const entries: readonly Entry[] = [
        intent(1, `select pgp_sym_decrypt(a, '${secret}') from t`),
        { ...notice(secret), statement: 1 } as Entry,
        { ...notice(secret), statement: null } as Entry,
        { kind: 'completion', statement: 1, completion: failed },
        intent(2, 'select 1'),
        { ...notice('plain words'), statement: 2 } as Entry,
        { kind: 'completion', statement: 2, completion: { ...failed, error: { ...error, message: 'plain words' } } },
      ]
      const { file } = await recordSample(await temporaryDir(), { durability }, entries)
      const events = await eventsOf(file)
      expect(JSON.stringify(events)).not.toContain(secret)
      const said = events.flatMap(event => {
        if (event.kind === 'notice') return [event.notice.message]
        return event.kind === 'completion' ? [event.error?.message] : []
      })
      expect(said).toEqual([null, null, null, 'plain words', 'plain words'])
    },
  )
})

describe('an opening', () => {
  test('holds the claims of both identities, and no id of a token or a login', async () => {
    const claims = [
      { name: 'department', values: ['billing'] },
      { name: 'level', values: [3, true] },
      ...['jti', 'uti', 'sid', 'nonce', 'at_hash'].map(name => ({ name, values: ['token-id-canary'] })),
    ]
    const { principal } = opening()
    const actor = { issuer: 'https://idp.example.com', subject: 'agent-1', groups: [], claims: claims.slice(1) }
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir))
    const session = await recorder.record(
      opening({ principal: { ...principal, claims, actor }, server: { server_version: '17.2' } }),
    )
    await session.close('client-left')
    await recorder.close()
    const [event] = await eventsOf((await listRecordings(dir))[0]?.file ?? '')
    expect(event).toMatchObject({
      kind: 'opened',
      claims: claims.slice(0, 2),
      actorClaims: claims.slice(1, 2),
      header: { target: { server: { server_version: '17.2' } } },
    })
    expect(JSON.stringify(event)).not.toContain('token-id-canary')
  })
})

describe('who listens', () => {
  test.each(['standard', 'strict'] as const)(
    'is told what a reader without the VALUE key reads: %s',
    async durability => {
      const told: RecordedEvent[] = []
      const headers = new Set<string>()
      const dir = await temporaryDir()
      const entries: readonly Entry[] = [
        intent(1, "select 'literal' from t", { params: [{ typeOid: 23, format: 'text', value: '7' }] }),
        rowsOf(1, 3_000),
        rowsOf(1, 700_000, { first: 3, columns: null }),
        rowsOf(1, 900, { keep: 'digest', first: 999, columns: null }),
        notice('words'),
        done(1),
      ]
      const { file, recording } = await recordSample(
        dir,
        {
          durability,
          onEntry: (event, header) => {
            told.push(event)
            headers.add(header.recording)
          },
        },
        entries,
      )
      await destroyValues(file)
      const read = await eventsOf(file)
      expect(told.map(withoutTime)).toEqual(read.map(withoutTime))
      expect([...headers]).toEqual([recording])
    },
  )

  test('and throws stops nobody', async () => {
    const dir = await temporaryDir()
    await recordSample(dir, {
      onEntry: () => {
        throw new Error('stream is gone')
      },
    })
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
  })
})

const withoutTime = (event: RecordedEvent): unknown => ({ ...event, header: null, at: 0, monotonic: 0 })
