import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBinaries, usableBinaries } from './binaries.ts'
import { freshDir } from './cache-dir.ts'
import { SERVER_ENV } from './run.ts'
import { serverUser } from './server-user.ts'

const version = `18.0.0-test.${process.pid}`
let dir: string
let copy: string
beforeAll(async () => {
  dir = await freshDir()
})
afterAll(async () => {
  await rm(dir, { recursive: true, force: true })
  if (copy) await rm(copy, { recursive: true, force: true })
})

test('a package without library links, in a folder that the server cannot enter, is copied and mended', async () => {
  const { binDir } = await findBinaries(18)
  const native = dirname(binDir)
  const root = join(dir, 'package')
  await mkdir(root)
  await writeFile(join(root, 'package.json'), JSON.stringify({ version }))
  // As it comes out of the archive: no links, since npm archives hold none.
  await cp(native, join(root, 'native'), {
    recursive: true,
    filter: async source => !(await lstat(source)).isSymbolicLink(),
  })
  await chmod(root, 0o700)

  const found = await usableBinaries(root)
  copy = dirname(dirname(found.binDir))
  expect(found.version).toBe(version)
  expect(found.binDir.startsWith(root)).toBe(false)
  const run = promisify(execFile)
  const { stdout } = await run(join(found.binDir, 'postgres'), ['--version'], {
    env: SERVER_ENV,
    cwd: '/',
    ...serverUser,
  })
  expect(stdout).toContain('PostgreSQL) 18.')
  expect(await usableBinaries(root)).toEqual(found)
})
