import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { buildCommand } from './built-command.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 90_000 })

const PAGE = new URL('../../../docs/policy.md', import.meta.url)
const BIN = fileURLToPath(new URL('../bin/querywarden.js', import.meta.url))
const run = promisify(execFile)

/** A fenced block of the page, with the words before it. */
interface Block {
  readonly language: string
  readonly text: string
  readonly before: string
}

const blocksOf = (page: string): readonly Block[] =>
  [...page.matchAll(/([^\n]*)\n\n```(\w+)\n([\s\S]*?)```/g)].map(([, before = '', language = '', text = '']) => ({
    before,
    language,
    text,
  }))

/** Commands with what the page says that they print. */
const commandsIn = (text: string): readonly { readonly command: string; readonly printed: string }[] =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [command = '', ...printed] = part.split('\n')
      return { command, printed: printed.join('\n').trim() }
    })

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-test-'))
  await buildCommand()
  await mkdir(join(dir, 'bin'))
  await mkdir(join(dir, 'scratch'))
  await writeFile(join(dir, 'bin/querywarden'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`)
  await chmod(join(dir, 'bin/querywarden'), 0o755)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** As at a prompt: aliases last from command to command. */
async function printedBy(command: string, aliases: readonly string[]): Promise<string> {
  const { PATH = '' } = process.env
  const env = { PATH: `${join(dir, 'bin')}:${PATH}`, NO_COLOR: '1' }
  const script = [...aliases, command].join('\n')
  const { stdout } = await run('sh', ['-c', script], { cwd: join(dir, 'scratch'), env }).catch((error: unknown) => {
    // A finding ends a command with 1, and what it printed is what counts.
    if (error instanceof Error && 'stdout' in error && 'code' in error && error.code === 1) return error as never
    throw error
  })
  return (stdout as string).trimEnd()
}

test('whoever follows policy.md gets what it shows', async () => {
  let page = await readFile(PAGE, 'utf8')
  const aliases: string[] = []
  let commands = 0
  for (const { before, language, text } of blocksOf(page)) {
    const [, verb, file] = /(Put|Append) this (?:in)?to `([\w.]+)`:$/.exec(before) ?? []
    if (file !== undefined) await writeFile(join(dir, 'scratch', file), text, { flag: verb === 'Put' ? 'w' : 'a' })
    if (language !== 'console') continue
    let shown = ''
    for (const { command, printed } of commandsIn(text)) {
      commands += 1
      if (command.startsWith('alias ')) aliases.push(command)
      const came = await printedBy(command, aliases)
      shown += `$ ${command}\n${came === '' ? '' : `${came}\n`}`
      // To renew what is shown: QUERYWARDEN_UPDATE_DOCS=1 npx vitest run packages/proxy/test/policy-page.test.ts
      if (process.env['QUERYWARDEN_UPDATE_DOCS'] !== '1') expect(came.trim(), command).toBe(printed)
    }
    page = page.replace(`\`\`\`console\n${text}\`\`\``, () => `\`\`\`console\n${shown}\`\`\``)
  }
  expect(commands).toBeGreaterThan(15)
  if (process.env['QUERYWARDEN_UPDATE_DOCS'] === '1') await writeFile(PAGE, page)
})
