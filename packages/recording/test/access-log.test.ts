import { createReadStream } from 'node:fs'
import { chmod, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Access,
  destroyValues,
  fileRecorder,
  listAccesses,
  openAccessLog,
  PLAIN_REPLAY,
  readInstanceLog,
  readRecording,
  tellRecording,
  verifyDirectory,
} from '../src/index.ts'
import { KEK, opening, optionsFor, recordSample, temporaryDir } from './fixtures.ts'

const access: Access = { kind: 'access', who: 'dana@desk', action: 'replay', recording: 'r-1', detail: '--at 5s' }

describe('PCI 10.2.1.3: who looks into recordings', () => {
  test('is written down in a log that verifies, and listed without a key', async () => {
    const dir = await temporaryDir()
    const { recording } = await recordSample(dir)
    const log = await openAccessLog(optionsFor(dir))
    await log.note(access)
    // On the disk already, before it is closed.
    expect((await listAccesses(dir)).map(noted => noted.access)).toEqual([access])
    await log.note({ kind: 'shredded', recording, who: 'dana@desk', why: 'asked for' })
    await log.close()
    expect((await listAccesses(dir)).map(noted => noted.access.kind)).toEqual(['access', 'shredded'])
    const { recordings, logs } = await verifyDirectory(dir, { keys: null })
    expect(recordings.map(({ verdict }) => verdict.kind)).toEqual(['COMPLETE'])
    expect(logs.every(({ state }) => state.kind === 'sound')).toBe(true)
    expect(await readdir(join(dir, log.boot))).toEqual(['instance.log'])
  })

  test('shows when the log of it is taken away, once another start has tied it in', async () => {
    const dir = await temporaryDir()
    const log = await openAccessLog(optionsFor(dir))
    await log.note(access)
    await log.close()
    await (await fileRecorder(optionsFor(dir))).close()
    await rm(join(dir, log.boot), { recursive: true })
    expect((await verifyDirectory(dir, { keys: null })).logs).toContainEqual(
      expect.objectContaining({
        boot: log.boot,
        state: { kind: 'damaged', seq: 0, why: expect.stringContaining('gone') },
      }),
    )
  })

  test('R1: readers however many do not crowd out the log of recordings', async () => {
    const dir = await temporaryDir()
    const first = await fileRecorder(optionsFor(dir))
    await (await first.record(opening())).close('client-terminated')
    await first.close()
    for (let reader = 0; reader < 9; reader++) await (await openAccessLog(optionsFor(dir))).close()
    for (let folder = 0; folder < 300; folder++) await mkdir(join(dir, `zz${folder}`))
    const next = await fileRecorder(optionsFor(dir))
    await next.close()
    const { entries } = await readInstanceLog(createReadStream(join(dir, next.boot, 'instance.log')))
    expect(entries[0]?.entry).toMatchObject({
      kind: 'boot',
      previous: expect.arrayContaining([expect.objectContaining({ boot: first.boot })]),
    })
  })

  test('F24: a reader that died leaves a log that the next start settles', async () => {
    const dir = await temporaryDir()
    const dead = await openAccessLog(optionsFor(dir))
    await dead.note(access)
    const lock = join(dir, dead.boot, 'lock')
    await writeFile(lock, '1\n1\nanother machine\n')
    await utimes(lock, 0, 0)
    const recorder = await fileRecorder(optionsFor(dir))
    expect(recorder.recovery).toMatchObject({ recovered: [], left: [], missing: [] })
    await recorder.close()
    expect(await listAccesses(dir)).toHaveLength(1)
    expect(await readdir(join(dir, dead.boot))).toEqual(['instance.log'])
  })

  test('can not be written: nothing is to be read then', async () => {
    const dir = await temporaryDir()
    await expect(openAccessLog(optionsFor(join(dir, 'none')))).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
    expect(await readdir(dir)).toEqual([])
    await chmod(dir, 0o500)
    const files = { ...(await import('../src/sinks/node-files.ts')).nodeFiles, makeFolder: refuse }
    await expect(openAccessLog({ ...optionsFor(dir), files })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
    await chmod(dir, 0o700)
  })
})

const refuse = (): Promise<never> => Promise.reject(Object.assign(new Error('refused'), { code: 'EACCES' }))

test('shredding: values are gone for good, and verification still says COMPLETE', async () => {
  const dir = await temporaryDir()
  const { file, recording } = await recordSample(dir, { parameters: 'encrypted' })
  const log = await openAccessLog(optionsFor(dir))
  await log.note({ kind: 'shredded', recording, who: 'dana@desk', why: 'erasure request 7' })
  await destroyValues(file)
  await log.close()
  const { recordings } = await verifyDirectory(dir, { keys: null })
  expect(recordings).toMatchObject([{ recording, verdict: { kind: 'COMPLETE' } }])
  const told: string[] = []
  for await (const { lines } of tellRecording(readRecording(file, { kek: KEK }), PLAIN_REPLAY)) told.push(...lines)
  expect(told.join('\n')).not.toContain('canary')
  expect(told.join('\n')).toContain('literals not shown: their key is gone')
})

test('a recording read without its values reads as one whose key is gone', async () => {
  const dir = await temporaryDir()
  const { file } = await recordSample(dir, { parameters: 'encrypted' })
  const read = async (values: 'read' | 'leave'): Promise<string> => {
    const events: unknown[] = []
    for await (const event of readRecording(file, { kek: KEK, values })) events.push(event)
    return JSON.stringify(events)
  }
  expect(await read('read')).toContain('literal-canary')
  expect(await read('leave')).not.toContain('canary')
})
