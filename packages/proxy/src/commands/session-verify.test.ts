import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { barLine } from './progress-bar.ts'
import { sessionsVerify, type VerifyCommandOptions } from './session-verify.ts'

const VECTORS = fileURLToPath(new URL('../../../recording/vectors', import.meta.url))
const KEY = 'vectors.example.com+0c9980e9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4'
const BOOT = '0197a000-0000-7000-8000-000000000001'
const FIRST = '0197a000-0000-7000-8000-000000000002'

const made: string[] = []
afterAll(async () => {
  for (const dir of made) await rm(dir, { recursive: true, force: true })
})

async function copyOf(vector: string): Promise<{ readonly dir: string; readonly anchor: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'verify-'))
  made.push(folder)
  await cp(join(VECTORS, vector), folder, { recursive: true })
  return { dir: join(folder, 'recordings'), anchor: join(folder, 'anchor') }
}

async function run(
  what: string | undefined,
  options: VerifyCommandOptions,
  isJson = false,
): Promise<{ readonly exit: number; readonly text: string }> {
  const lines: string[] = []
  const exit = await sessionsVerify({ out: line => lines.push(line), note: () => undefined, isJson }, what, options)
  return { exit, text: lines.join('\n') }
}

describe('sessions verify', () => {
  test('R1: with anchor and key says first what all comes to, and 0 where nothing speaks against it', async () => {
    const { dir, anchor } = await copyOf('whole')
    const { exit, text } = await run(undefined, { dir, all: true, anchor: [anchor], key: [KEY] })
    expect(exit).toBe(0)
    expect(text.split('\n')[0]).toBe('2 complete; 0 findings')
    expect(text).not.toContain('the key that the log itself names')
    expect(text).toContain('the wall clock went back by 3600 s')
  })

  test('says whose word was taken where no key was given, and that no anchor was', async () => {
    const { dir } = await copyOf('whole')
    const { exit, text } = await run(undefined, { dir, all: true })
    expect(exit).toBe(0)
    expect(text).toContain('signed by the key that the log itself names')
    expect(text).toContain('without --anchor')
  })

  test('a directory without anything to verify is not a sound one', async () => {
    const { dir } = await copyOf('whole')
    await expect(run(undefined, { dir: join(dir, '..'), all: true })).rejects.toThrow(/holds no recordings and no logs/)
  })

  test('R1: a disk that was put back to an older state is a finding only with the anchor', async () => {
    const { dir, anchor } = await copyOf('rolled-back')
    const { exit, text } = await run(dir, { dir: 'elsewhere', anchor: [anchor], key: [KEY] })
    expect(exit).toBe(1)
    expect(text).toContain('TAMPERED')
    expect(text).toContain('put back from an older state')
    expect((await run(dir, { dir: 'elsewhere' })).text).toContain('1 open')
  })

  test('a recording that a rule removed is no finding, one that somebody removed is', async () => {
    const { dir, anchor } = await copyOf('retired')
    const { exit, text } = await run(undefined, { dir, all: true, anchor: [anchor], key: [KEY] })
    expect(exit).toBe(1)
    expect(text.split('\n')[0]).toBe('1 complete, 1 missing, 1 retired; 1 finding')
    expect((await run(FIRST, { dir, anchor: [anchor] })).exit).toBe(0)
  })

  test('a file by itself: says what can’t be known', async () => {
    const { dir } = await copyOf('whole')
    const lone = join(dir, 'lone.dbrec')
    await cp(join(dir, BOOT, `${FIRST}.dbrec`), lone)
    const { exit, text } = await run(lone, { dir })
    expect(exit).toBe(1)
    expect(text).toContain('no instance log beside this file')
  })

  test('a file in its folder, and a session by the beginning of its id, are verified with their logs', async () => {
    const { dir, anchor } = await copyOf('whole')
    const file = join(dir, BOOT, `${FIRST}.dbrec`)
    for (const what of [file, 's-1', join(dir, BOOT)]) {
      expect((await run(what, { dir, anchor: [anchor], key: [KEY] })).exit, what).toBe(0)
    }
    const bytes = await readFile(file)
    bytes[2_000] = (bytes[2_000] ?? 0) ^ 1
    await writeFile(file, bytes)
    const { exit, text } = await run(file, { dir, anchor: [anchor], key: [KEY] })
    expect(exit).toBe(1)
    expect(text).toContain('Take a copy of the whole directory')
  })

  test('--json is one document, with the findings in it', async () => {
    const { dir, anchor } = await copyOf('recovered')
    const { exit, text } = await run(undefined, { dir, all: true, anchor: [anchor], key: [KEY] }, true)
    expect(exit).toBe(1)
    expect(JSON.parse(text)).toMatchObject({
      summary: { COMPLETE: 2, TORN: 1 },
      keysFrom: 'verifier',
      logs: [{ boot: BOOT, checkpoint: { kind: 'signed', root: expect.stringMatching(/^[0-9a-f]{64}$/) } }, {}],
      findings: [{ about: '0197a000-0000-7000-8000-000000000003' }],
    })
  })

  test('misuse is told from findings', async () => {
    const { dir } = await copyOf('whole')
    await expect(run(undefined, { dir })).rejects.toMatchObject({ exit: 2 })
    await expect(run(undefined, { dir, all: true, key: ['nonsense'] })).rejects.toMatchObject({ exit: 2 })
    await expect(run(undefined, { dir, all: true, anchor: ['nowhere'] })).rejects.toMatchObject({ exit: 2 })
  })

  test('a progress bar has one width', () => {
    expect(barLine('verifying', { done: 500e6, total: 1_000e6, seconds: 2 })).toBe(
      `verifying [${'#'.repeat(15)}${'.'.repeat(15)}] 50 %  250 MB/s`,
    )
  })
})
