import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'

const ROOT = new URL('../../../../', import.meta.url)
const SCRIPT = new URL('scripts/floors.mjs', ROOT)

interface Violation {
  readonly file: string
  readonly line: number
  readonly message: string
}
const { findViolations }: { findViolations: (root: string) => readonly Violation[] } = await import(SCRIPT.href)

const made: string[] = []
afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true })
})

/** What is found in a tree of these files. */
async function foundIn(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), 'floors-'))
  made.push(root)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  return findViolations(root).map(({ file, line, message }) => `${file}:${line} ${message}`)
}

const unfinished = ['TO', 'DO'].join('')

describe('what the check finds', () => {
  const wrong: [string, string, string, RegExp][] = [
    ['an import of a sibling', 'sql/src/a.ts', "import { x } from '@querywarden/masking'", /:1 imports .* sideways/],
    ['an import of a floor above', 'policy-core/src/a.ts', "import type { x } from '@querywarden/sql'", /goes up/],
    ['a dynamic import of a floor above', 'wire/src/a.ts', "\nawait import('@querywarden/proxy')", /:2 .* goes up/],
    ['a re-export of a floor above', 'wire/src/a.ts', "export { x } from '@querywarden/proxy'", /goes up/],
    ['testing in what ships', 'sql/src/a.ts', "import { x } from '@querywarden/policy-testing'", /goes up/],
    ['a file of another package', 'sql/src/a.ts', "import { x } from '../../masking/src/b.ts'", /another package/],
    ['node in the core', 'policy-core/src/a.ts', "import { x } from 'node:crypto'", /node:crypto/],
    ['files on floor 2', 'identity/src/a.ts', "import { x } from 'node:fs'", /node:fs/],
    ['the clock', 'sql/src/a.ts', 'export const x = (): number => Date.now()', /Date\.now/],
    ['a new date', 'sql/src/a.ts', 'export const x = (): Date => new Date()', /new Date\(\)/],
    ['chance', 'wire/src/a.ts', 'export const x = (): number => Math.random()', /Math\.random/],
    ['the process', 'masking/src/a.ts', "export const x = process.env['X']", /`process`/],
    ['a timer', 'approvals/src/a.ts', 'setTimeout(() => undefined, 1)', /`setTimeout`/],
    ['the network', 'identity/src/a.ts', "await fetch('https://example.com')", /`fetch`/],
    ['a default export', 'sql/src/a.ts', 'export default 1', /default export/],
    ['a default function', 'proxy/src/a.ts', 'export default function x(): void {}', /default export/],
    ['everything of a module', 'sql/src/a.ts', "export * from './b.ts'", /exports everything/],
    ['everything under a name', 'sql/src/a.ts', "export * as b from './b.ts'", /exports everything/],
    ['what is unfinished', 'sql/src/a.ts', `// ${unfinished}: later`, /unfinished/],
    ['a long file', 'sql/src/a.ts', 'export {}\n'.repeat(401), /has 40\d lines/],
    ['a long function', 'sql/src/a.ts', `export function x(): void {\n${'x()\n'.repeat(60)}}`, /function of 62 lines/],
  ]
  test.each(wrong)('%s', async (_, file, text, message) => {
    expect(await foundIn({ [`packages/${file}`]: text })).toEqual([expect.stringMatching(message)])
  })

  test('dependencies that go up or sideways', async () => {
    const manifest = {
      dependencies: { '@querywarden/masking': 'workspace:*', '@querywarden/policy-core': 'workspace:*' },
      devDependencies: { '@querywarden/proxy': 'workspace:*', '@querywarden/dev-servers': 'workspace:*' },
    }
    expect(await foundIn({ 'packages/sql/package.json': JSON.stringify(manifest, null, 2) })).toEqual([
      'packages/sql/package.json:3 depends on `masking` goes up or sideways',
      'packages/sql/package.json:7 its tests depend on `proxy` goes up or sideways',
    ])
  })
})

test('a package without a floor is found', async () => {
  expect(await foundIn({ 'packages/another/package.json': '{}' })).toEqual([expect.stringMatching(/is on no floor/)])
})

describe('what the check lets pass', () => {
  const right: [string, string, string][] = [
    ['an import of a floor below', 'sql/src/a.ts', "import { x } from '@querywarden/policy-core'"],
    ['an import of itself', 'sql/src/a.ts', "import { x } from '@querywarden/sql/postgres'"],
    ['testing in a test', 'sql/src/a.test.ts', "import { x } from '@querywarden/policy-testing'"],
    ['crypto on floor 2', 'sql/src/a.ts', "import { x } from 'node:crypto'"],
    ['files in the sinks', 'recording/src/sinks/a.ts', "import { x } from 'node:fs'"],
    ['anything in the proxy', 'proxy/src/a.ts', "import { x } from 'node:fs'\nsetTimeout(() => Date.now(), 1)"],
    ['the world in a comment', 'sql/src/a.ts', '/** @example now: Date.now */\n// process.env, fetch()\nexport {}'],
    ['the world in a text', 'sql/src/a.ts', "export const x = 'process.env, Math.random'"],
    ['a date from an argument', 'sql/src/a.ts', 'export const x = (at: number): Date => new Date(at)'],
    [
      'a fetch that was handed in',
      'identity/src/a.ts',
      'export const x = ({ fetch }: { fetch: () => void }) => fetch()',
    ],
    ['a property called process', 'sql/src/a.ts', 'export const x = (a: { process: number }) => a.process'],
    ['a long table', 'sql/src/a.ts', `export const table = [\n${'1,\n'.repeat(500)}]`],
    ['a generated file', 'sql/src/a.generated.ts', 'export {}\n'.repeat(500)],
    ['a default export of a configuration', 'sql/tsup.config.ts', 'export default {}'],
  ]
  test.each(right)('%s', async (_, file, text) => {
    expect(await foundIn({ [`packages/${file}`]: text })).toEqual([])
  })
})

test('this repository keeps its floors', async () => {
  const run = promisify(execFile)(process.execPath, [SCRIPT.pathname])
  const { stdout } = await run.catch((failed: { stdout: string }) => failed)
  expect(stdout.trim().split('\n').filter(Boolean)).toEqual([])
})
