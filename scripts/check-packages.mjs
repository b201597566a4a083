// Checks what would be published: publint and are-the-types-wrong on every tarball. Ends with 1 if either finds anything.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { packAll, ROOT } from './pack-packages.mjs'

const run = promisify(execFile)

/**
 * What the two tools find in a tarball; empty if nothing.
 * @param {string} tarball
 * @returns {Promise<string>}
 */
export async function findingsIn(tarball) {
  const bin = join(ROOT, 'node_modules', '.bin')
  const said = failed => `${failed.stdout ?? failed}${failed.stderr ?? ''}`
  const quiet = () => ''
  const lint = run(join(bin, 'publint'), ['run', tarball, '--strict'], { cwd: ROOT }).then(quiet, said)
  const types = run(join(bin, 'attw'), [tarball, '--profile', 'esm-only'], { cwd: ROOT }).then(quiet, said)
  return (await lint) + (await types)
}

const isMain = process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href
if (isMain) {
  const into = mkdtempSync(join(tmpdir(), 'packed-'))
  try {
    for (const { name, tarball } of await packAll(into)) {
      const findings = await findingsIn(tarball)
      console.log(findings === '' ? `${name}: nothing found` : `${name}:\n${findings}`)
      if (findings !== '') process.exitCode = 1
    }
  } finally {
    rmSync(into, { recursive: true })
  }
}
