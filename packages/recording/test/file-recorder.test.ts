import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Completion } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import {
  destroyValues,
  fileRecorder,
  listRecordings,
  localKeys,
  type RecordedEvent,
  readRecording,
  renderReplay,
  verifyDirectory,
} from '../src/index.ts'
import {
  change,
  done,
  intent,
  KEK,
  opening,
  optionsFor,
  recordSample,
  SAMPLE_FRAMES,
  sampleEntries,
  temporaryDir,
} from './fixtures.ts'

async function eventsOf(file: string, kek: Uint8Array = KEK): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of readRecording(file, { kek })) events.push(event)
  return events
}

const verdictsOf = async (dir: string) =>
  (await verifyDirectory(dir, { keys: null })).recordings.map(({ verdict }) => verdict)

describe('a recorded session', () => {
  test('reads back as it was written, and verifies without a key', async () => {
    const dir = await temporaryDir()
    const { file } = await recordSample(dir)
    expect(await verdictsOf(dir)).toEqual([
      {
        kind: 'COMPLETE',
        frames: SAMPLE_FRAMES,
        bytes: expect.any(Number),
        reason: 'client-terminated',
        suspect: false,
      },
    ])
    const events = await eventsOf(file)
    expect(events.map(event => event.kind)).toEqual(['opened', ...sampleEntries.map(({ kind }) => kind), 'closed'])
    expect(events[0]).toMatchObject({
      header: { session: 's-1', requester: { issuer: 'https://idp.example.com', subject: 'devin' } },
      groups: ['ai-agents'],
      client: { user: 'free text' },
    })
    expect(events[1]).toMatchObject({
      sql: {
        redacted: "select * from public.orders where note = '?' and id = ? limit ?",
        text: "select * from public.orders where note = 'literal-canary-1' and id = 77120 limit 5",
      },
      limits: { rowsMax: 100, bytesMax: null, timeMsMax: 5_000 },
    })
    expect(events[2]).toMatchObject({ completion: { kind: 'done', rows: 3, bytes: 120, ms: 1.5 } })
  })

  test('with the key verifies too, frame by frame', async () => {
    const dir = await temporaryDir()
    await recordSample(dir)
    const keys = localKeys(KEK, count => Buffer.alloc(count))
    const { recordings } = await verifyDirectory(dir, { keys })
    expect(recordings.map(({ verdict }) => verdict.kind)).toEqual(['COMPLETE'])
  })

  test('keeps parameters as type, length and keyed digest unless values are asked for', async () => {
    const digests = await eventsOf((await recordSample(await temporaryDir())).file)
    const [param, nothing] = digests.flatMap(event => (event.kind === 'intent' ? event.params : []))
    expect(param).toMatchObject({ typeOid: 23, bytes: 14, value: null, hmac: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(nothing).toMatchObject({ isNull: true, hmac: null })
    const values = await eventsOf((await recordSample(await temporaryDir(), { parameters: 'encrypted' })).file)
    const [shown] = values.flatMap(event => (event.kind === 'intent' ? event.params : []))
    expect(Buffer.from(shown?.value ?? []).toString()).toBe('param-canary-1')
  })

  test('without its VALUE key still verifies and replays, literals gone', async () => {
    const dir = await temporaryDir()
    const { file } = await recordSample(dir)
    expect(await destroyValues(file)).toBe('destroyed')
    expect(await destroyValues(file)).toBe('absent')
    const [verdict] = await verdictsOf(dir)
    expect(verdict?.kind).toBe('COMPLETE')
    const intents = (await eventsOf(file)).filter(event => event.kind === 'intent')
    expect(intents[0]?.sql).toMatchObject({ text: null, canonical: null, redacted: expect.stringContaining("'?'") })
    expect(await renderReplay(await eventsOf(file))).not.toContain('literal-canary')
  })

  test('another recording’s VALUE key is refused, not misread', async () => {
    const [a, b] = [await recordSample(await temporaryDir()), await recordSample(await temporaryDir())]
    await writeFile(a.file.replace('.dbrec', '.values'), await readFile(b.file.replace('.dbrec', '.values')))
    await expect(eventsOf(a.file)).rejects.toMatchObject({ code: 'WRONG_KEY' })
  })

  test('under another key-encryption key is a clear error, and verifying works still', async () => {
    const dir = await temporaryDir()
    const { file } = await recordSample(dir)
    const wrong = Buffer.alloc(32, 8)
    await expect(eventsOf(file, wrong)).rejects.toMatchObject({
      code: 'WRONG_KEY',
      message: expect.stringContaining('give the key-encryption key that it was written under'),
    })
    const [verdict] = await verdictsOf(dir)
    expect(verdict?.kind).toBe('COMPLETE')
  })

  test('is listed by its header', async () => {
    const dir = await temporaryDir()
    const { recording, file } = await recordSample(dir)
    expect(await listRecordings(dir)).toMatchObject([
      { recording, file, logged: 'closed', header: { session: 's-1', target: { name: 'app', dialect: 'postgres' } } },
    ])
  })

  test('replays as a timeline in which recorded text cannot drive the terminal', async () => {
    const dir = await temporaryDir()
    const hostile = opening({ client: { application_name: 'a\u001b[2Jb\u202e' } })
    const recorder = await fileRecorder(optionsFor(dir))
    const session = await recorder.record(hostile)
    for (const entry of sampleEntries) await session.append(entry)
    await session.close('client-left')
    await recorder.close()
    const file = (await listRecordings(dir))[0]?.file ?? ''
    const text = await renderReplay(await eventsOf(file))
    expect(text).not.toContain('\u001b')
    expect(text).not.toContain('\u202e')
    for (const part of [
      'devin (https://idp.example.com) on app (postgres)',
      'acting: agent-1',
      '#1 allowed: SELECT',
      'allow select on public.orders: agents-read',
      '#1 done: SELECT, 3 rows, 120 bytes, 1.5 ms',
      '#2 refused: DENIED_BY_RULE by no-destruction',
      '#3 waits for a person: request req-1',
      '#3 granted by dana (https://idp.example.com)',
      '#3 failed: SQLSTATE 23505',
      'incident MASK_BREACH',
      'session closed: client-left',
    ]) {
      expect(text).toContain(part)
    }
    expect(text.split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^── \d{4}-\d\d-\d\d UTC ──$/),
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} {2}session s-1/),
    ])
  })
})

describe('opening', () => {
  test('in a place that is no directory names it and says what to do', async () => {
    const file = join(await temporaryDir(), 'plain-file')
    await writeFile(file, '')
    const opened = fileRecorder(optionsFor(join(file, 'recordings')))
    await expect(opened).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
    await expect(opened).rejects.toThrow(`can't keep recordings in ${join(file, 'recordings')} (ENOTDIR): make it`)
  })

  test('R3: a session below the floor of free space is refused', async () => {
    const recorder = await fileRecorder(optionsFor(await temporaryDir(), { freeBytesMin: Number.MAX_SAFE_INTEGER }))
    await expect(recorder.record(opening())).rejects.toMatchObject({ code: 'LOW_SPACE' })
    await recorder.close()
  })

  test('ids that could leave the directory are refused', async () => {
    const options = optionsFor(await temporaryDir(), { newId: () => '../../etc' })
    await expect(fileRecorder(options)).rejects.toMatchObject({ code: 'BAD_OPTIONS' })
  })

  test('a key of the wrong length is refused', async () => {
    const options = optionsFor(await temporaryDir(), { kek: Buffer.alloc(16) })
    await expect(fileRecorder(options)).rejects.toMatchObject({ code: 'BAD_OPTIONS' })
  })
})

const measured = { rows: 2 ** 40, bytes: 2 ** 40, ms: 1.1, waitedMs: 0.1 }
const doneBy = (tag: string): Completion => ({ kind: 'done', tag, ...measured })
const failedWith = (said: string): Completion => ({
  kind: 'failed',
  sqlstate: said,
  error: { severity: said, sqlstate: said, constraint: said, message: said },
  ...measured,
})
const LONG = '€'.repeat(100_000)

describe('a session', () => {
  test('R3: past its quota is refused for good, yet what ran is accounted for and it closes', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 20_000 }))
    const session = await recorder.record(opening())
    let accepted = 0
    const fill = async () => {
      for (;;) {
        await session.append(intent(accepted + 1, 'select 1'))
        accepted++
      }
    }
    await expect(fill()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(accepted).toBeGreaterThan(3)
    await session.append(done(accepted))
    await expect(session.append(intent(99, 'select 1'))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await session.close('recorder-failed')
    await recorder.close()
    const [verdict] = await verdictsOf(dir)
    expect(verdict).toMatchObject({ kind: 'COMPLETE', reason: 'recorder-failed' })
    const { file } = (await listRecordings(dir))[0] ?? {}
    const kinds = (await eventsOf(file ?? '')).map(({ kind }) => kind)
    expect(kinds).toEqual(['opened', ...Array(accepted).fill('intent'), 'completion', 'closed'])
    expect((await stat(file ?? '')).size).toBeLessThanOrEqual(20_000)
  })

  test.each([
    ['reads', 'standard', intent, doneBy('UPDATE 1')],
    ['changes', 'standard', change, doneBy('UPDATE 1')],
    ['changes', 'strict', change, doneBy('UPDATE 1')],
    ['changes, of a database that calls its outcomes by long names', 'standard', change, doneBy(LONG)],
    ['changes, of a database that says a lot where they fail', 'standard', change, failedWith(LONG)],
    ['changes, of a database that says a lot where they fail', 'strict', change, failedWith(LONG)],
  ] as const)(
    'R3, F24: the outcome of each statement that was let run within the quota has room: %s, %s',
    async (_, durability, make, completion) => {
      const dir = await temporaryDir()
      const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 131_072, durability }))
      const session = await recorder.record(opening())
      let cleared = 0
      const fill = async () => {
        for (;;) {
          await session.append(make(cleared + 1, 'update public.orders set note = 1'))
          cleared++
        }
      }
      await expect(fill()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
      expect(cleared).toBeGreaterThan(20)
      await session.append({ kind: 'incident', statement: null, code: 'X', message: 'x' })
      for (let statement = 1; statement <= cleared; statement++) {
        await session.append({ kind: 'completion', statement, completion })
        // Each in a block or a frame of its own now and then, where it takes most.
        if (statement % 8 === 0) await session.append({ kind: 'cancel-requested', statement })
      }
      await session.close('recorder-failed')
      await recorder.close()
      expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
      const { file } = (await listRecordings(dir))[0] ?? {}
      const kinds = (await eventsOf(file ?? '')).map(({ kind }) => kind)
      expect(kinds.filter(kind => kind === 'intent')).toHaveLength(cleared)
      expect(kinds.filter(kind => kind === 'completion')).toHaveLength(cleared)
      expect((await stat(file ?? '')).size).toBeLessThanOrEqual(131_072)
    },
  )

  test('refuses an entry that no reader could take back, and reads a credential without end', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir))
    const { principal } = opening()
    const session = await recorder.record(opening({ principal: { ...principal, expiresAt: Number.POSITIVE_INFINITY } }))
    const completion = { kind: 'done', tag: 'SELECT', rows: 1, bytes: 1, ms: Number.NaN } as const
    await expect(session.append({ kind: 'completion', statement: 1, completion })).rejects.toMatchObject({
      code: 'MALFORMED',
    })
    await session.close('internal-error')
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE', frames: 2 }])
    expect(await eventsOf((await listRecordings(dir))[0]?.file ?? '')).toMatchObject([{ expiresAt: null }, {}])
  })

  test('takes no entry after it was closed, and closes once', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir))
    const session = await recorder.record(opening())
    await Promise.all([session.close('client-left'), session.close('shutdown')])
    await expect(session.append(done(1))).rejects.toMatchObject({ code: 'CLOSED' })
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE', reason: 'client-left', frames: 2 }])
  })

  test('an entry too large for a frame is refused before anything is written', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 2 ** 40, parameters: 'encrypted' }))
    const session = await recorder.record(opening())
    const value = new Uint8Array(70_000_000)
    const huge = intent(1, 'select $1', { params: [{ typeOid: 17, format: 'binary', value }] })
    await expect(session.append(huge)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await session.close('internal-error')
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE', frames: 2 }])
  })

  test('while it is open is OPEN, and the head in the log follows it within a second or so', async () => {
    const dir = await temporaryDir()
    let beat = (): void => undefined
    const sleep = (ms: number): Promise<void> =>
      new Promise(resolve => {
        if (ms < 1_000) resolve()
        else beat = resolve
      })
    const recorder = await fileRecorder(optionsFor(dir, { sleep }))
    const session = await recorder.record(opening())
    await session.append(change(1, 'update t set a = 1'))
    await session.append(change(2, 'update t set a = 2'))
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'OPEN', frames: 3, anchoredFrames: 1 }])
    beat()
    await expect.poll(() => verdictsOf(dir)).toMatchObject([{ kind: 'OPEN', frames: 3, anchoredFrames: 3 }])
    await session.close('shutdown')
    beat()
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
  })

  test('many at once keep their own order and all complete', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir))
    const one = async (): Promise<void> => {
      const session = await recorder.record(opening())
      await Promise.all(
        Array.from({ length: 40 }, (_, i) => [intent(i + 1, `select ${i}`), done(i + 1)])
          .flat()
          .map(session.append),
      )
      await session.close('client-left')
    }
    await Promise.all(Array.from({ length: 12 }, one))
    await recorder.close()
    expect((await verdictsOf(dir)).map(({ kind }) => kind)).toEqual(Array(12).fill('COMPLETE'))
    const file = (await listRecordings(dir))[0]?.file ?? ''
    const numbers = (await eventsOf(file)).flatMap(event => (event.kind === 'intent' ? [event.statement] : []))
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  })
})

describe('a directory shared by two live recorders', () => {
  test('neither recovers what the other is writing', async () => {
    const dir = await temporaryDir()
    const first = await fileRecorder(optionsFor(dir))
    const session = await first.record(opening())
    const second = await fileRecorder(optionsFor(dir))
    expect(second.recovery).toEqual({
      recovered: [],
      confirmed: [],
      missing: [],
      tornTails: [],
      left: [{ place: join(dir, first.boot), why: 'its boot is, or may be, alive' }],
    })
    await session.append(intent(1, 'select 1'))
    await session.close('client-left')
    await second.close()
    await first.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
    expect(await readdir(join(dir, first.boot))).not.toContain('lock')
  })
})
