import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('..', import.meta.url))
const FILES = ['policy.yaml', 'app.catalog.json', 'policy.test.mjs']

/** Runs the example's tests in a folder with the runner of Node, on the built packages. */
async function testsIn(folder: string): Promise<{ readonly passes: boolean; readonly output: string }> {
  try {
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', join(folder, 'policy.test.mjs')])
    return { passes: true, output: stdout }
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return { passes: false, output: String(error.stdout) }
    throw error
  }
}

describe('the tests of a policy that authors copy, in node:test', () => {
  let copy: string

  beforeAll(async () => {
    // Inside of the example, so that its packages are found.
    copy = await mkdtemp(join(FOLDER, 'copy-'))
  })
  afterAll(() => rm(copy, { recursive: true, force: true }))

  test('pass', async () => {
    const { passes, output } = await testsIn(FOLDER)
    expect(output).toContain('# pass 6')
    expect(passes).toBe(true)
  }, 120_000)

  test.each([
    ['no-payments', 'agents never see payments', /statement {2}SELECT \S+ FROM public\.payments/],
    ['nothing-unbounded', 'agents never change a whole table', /statement {2}(DELETE FROM|UPDATE) public\.orders/],
  ])(
    'fail without rule %s, by the statement that it was there to stop',
    async (rule, name, statement) => {
      for (const file of FILES) await cp(join(FOLDER, file), join(copy, file))
      const policy = await readFile(join(FOLDER, 'policy.yaml'), 'utf8')
      const without = policy.split('\n\n').filter(part => !part.includes(`id: ${rule}`))
      await writeFile(join(copy, 'policy.yaml'), without.join('\n\n').replace(/^masks/m, '\nmasks'))
      const { passes, output } = await testsIn(copy)
      expect(passes).toBe(false)
      expect(output).toMatch(new RegExp(`not ok \\d+ - ${name}`))
      expect(output).toMatch(statement)
    },
    120_000,
  )
})
