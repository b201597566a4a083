// Makes a fresh clone ready: the pinned pnpm through npx, all dependencies by the lockfile. Safe to run again.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const [, pnpmVersion] = manifest.packageManager.split('@')

/** Runs a program in the project's root and ends this one with its exit code if it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) fail(`${command} can't be started: ${error.message}`)
  if (status !== 0) process.exit(status ?? (signal ? 130 : 1))
}

/** Runs the pinned pnpm. */
export const pnpm = (args, options) => run('npx', ['--yes', `pnpm@${pnpmVersion}`, ...args], options)

export function fail(message) {
  console.error(message)
  process.exit(1)
}

/** Installs what the lockfile names, unless that is what is installed already. */
export function bootstrap() {
  checkNode()
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .update(process.version)
    .digest('hex')
  const marker = join(root, 'node_modules', '.querywarden-installed')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  console.log('Installing dependencies (once)…')
  pnpm(['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'])
  writeFileSync(marker, wanted)
}

/** Builds all packages; `fast` leaves out type declarations. */
export function build({ fast = false, filter = './packages/*' } = {}) {
  console.log(fast ? 'Building…' : 'Building all packages with declarations…')
  pnpm(['-r', '--filter', filter, '--reporter=silent', 'run', 'build', '--silent'], {
    env: { ...process.env, ...(fast ? { QUERYWARDEN_BUILD: 'fast' } : {}) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

/** Installs Debian packages for programs that no npm package ships, where this process may. */
export function needPrograms(programs) {
  const missing = Object.entries(programs).filter(([program]) => spawnSync('which', [program]).status !== 0)
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  if (process.getuid?.() !== 0 || spawnSync('which', ['apt-get']).status !== 0) {
    fail(
      `missing: ${missing.map(([program]) => program).join(', ')}. Install them, on Debian with: apt-get install ${packages.join(' ')}`,
    )
  }
  console.log(`Installing ${packages.join(', ')}…`)
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  run('apt-get', ['-qq', 'update'], quiet)
  run('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...packages], quiet)
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.version} is too old: 20.19 or newer is needed, 24 is recommended.`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) bootstrap()
