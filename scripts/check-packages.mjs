// Checks what would be published: publint and are-the-types-wrong on every tarball. Ends with 1 if either finds anything.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll, ROOT } from './pack-packages.mjs'

const into = mkdtempSync(join(tmpdir(), 'packed-'))
let failures = 0
try {
  for (const { name, tarball } of await packAll(into)) {
    for (const [tool, ...args] of [
      ['publint', 'run', tarball, '--strict'],
      ['attw', tarball, '--profile', 'esm-only'],
    ]) {
      try {
        execFileSync(join(ROOT, 'node_modules', '.bin', tool), args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' })
        console.log(`${name}: ${tool} finds nothing`)
      } catch (failed) {
        failures += 1
        console.log(`${name}: ${tool} finds\n${failed.stdout ?? failed}${failed.stderr ?? ''}`)
      }
    }
  }
} finally {
  rmSync(into, { recursive: true })
}
process.exitCode = failures > 0 ? 1 : 0
