import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseVerifierKey } from '@querywarden/recording'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { program } from '../program.ts'
import { keysNew, keysShow } from './keys.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-keys-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const NAME = 'gateway-1.example.com'

/** Runs a command; gives what it printed. */
async function printed(run: (terminal: Parameters<typeof keysNew>[0]) => Promise<number>): Promise<string> {
  const lines: string[] = []
  expect(await run({ out: line => lines.push(line), note: () => undefined, isJson: false })).toBe(0)
  return lines.join('\n')
}

test('a key is for its owner alone, and shows the verifier key that it was made with', async () => {
  const out = join(dir, 'checkpoint.key')
  const made = await printed(terminal => keysNew(terminal, { out, name: NAME }))
  expect(parseVerifierKey(made)).toMatchObject({ name: NAME, kind: 'ed25519' })
  expect((await stat(out)).mode & 0o777).toBe(0o600)
  expect(await printed(terminal => keysShow(terminal, out, {}))).toBe(made)
  const other = await printed(terminal => keysShow(terminal, out, { name: 'another' }))
  expect(parseVerifierKey(other).publicKey).toEqual(parseVerifierKey(made).publicKey)
  expect(await readFile(out, 'utf8')).toMatch(/^# name: gateway-1\.example\.com\n-----BEGIN PRIVATE KEY-----\n/)
})

test('a key is never written over', async () => {
  const out = join(dir, 'once.key')
  await printed(terminal => keysNew(terminal, { out, name: NAME }))
  const before = await readFile(out, 'utf8')
  await expect(printed(terminal => keysNew(terminal, { out, name: NAME }))).rejects.toMatchObject({
    exit: 2,
    message: expect.stringContaining('is there already'),
  })
  expect(await readFile(out, 'utf8')).toBe(before)
})

test('what is no key, has no name, or is not there is told, and nothing of it is shown', async () => {
  const file = join(dir, 'other')
  await writeFile(file, '# name: a\nnot-a-key-s3cr3t')
  for (const run of [
    () => printed(terminal => keysShow(terminal, file, {})),
    () => printed(terminal => keysShow(terminal, join(dir, 'none'), {})),
    () => printed(terminal => keysNew(terminal, { out: join(dir, 'x.key'), name: 'two words' })),
    () => printed(terminal => keysNew(terminal, { out: join(dir, 'no', 'x.key'), name: NAME })),
  ]) {
    const error: unknown = await run().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'CommandError', exit: 2 })
    expect(String(error)).not.toContain('s3cr3t')
  }
  const nameless = join(dir, 'nameless.key')
  await printed(terminal => keysNew(terminal, { out: nameless, name: NAME }))
  await writeFile(nameless, (await readFile(nameless, 'utf8')).replace(/^# name.*\n/, ''))
  await expect(printed(terminal => keysShow(terminal, nameless, {}))).rejects.toMatchObject({ exit: 2 })
})

test('the command line knows both', async () => {
  const out = join(dir, 'typed.key')
  const run = (...args: string[]) => program().parseAsync(['node', 'querywarden', 'keys', ...args])
  const printedByProcess: unknown[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(text => printedByProcess.push(text) > 0)
  const note = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    await run('new', 'checkpoint', '--out', out, '--name', NAME)
    await run('show', out)
    await expect(run('new', 'checkpoint', '--out', out)).rejects.toThrow(/--name/)
    await expect(run('new', 'other', '--name', NAME)).rejects.toThrow(/checkpoint/)
  } finally {
    write.mockRestore()
    note.mockRestore()
    process.exitCode = 0
  }
  expect(printedByProcess).toHaveLength(2)
  expect(printedByProcess[0]).toBe(printedByProcess[1])
})
