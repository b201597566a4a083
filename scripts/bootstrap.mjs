// Makes a fresh clone ready: the pinned pnpm through npx, all dependencies by the lockfile. Safe to run again.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
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
  const missing = Object.entries(programs).filter(([program]) => !runs(program))
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  if (process.getuid?.() !== 0 || spawnSync('which', ['apt-get']).status !== 0) {
    fail(
      `missing: ${missing.map(([program]) => program).join(', ')}. Install them, on Debian with: apt-get install ${packages.join(' ')}`,
    )
  }
  console.log(`Installing ${packages.join(', ')}…`)
  apt(['update'])
  apt(['install', '-y', '--no-install-recommends', ...packages])
}

/**
 * What the tests of PostgreSQL's own programs need: psql, pg_dump, a terminal and pgbench. The last is in the server's
 * package, which would set up a server and bring a compiler along; so it alone is taken out of it.
 */
export function needPostgresPrograms() {
  needPrograms({ psql: 'postgresql-client', pg_dump: 'postgresql-client', script: 'bsdutils' })
  const kept = join(root, 'node_modules', '.querywarden-programs')
  if (runs(join(kept, 'pgbench')) || runs('pgbench')) return
  const [, major] = / (\d+)/.exec(spawnSync('psql', ['--version'], { encoding: 'utf8' }).stdout) ?? []
  const name = `postgresql-${major}`
  if (spawnSync('which', ['apt-get']).status !== 0)
    fail(`missing: pgbench. Install it, on Debian with: apt-get install ${name}`)
  console.log(`Taking pgbench out of ${name}…`)
  const dir = mkdtempSync(join(tmpdir(), 'querywarden-pgbench-'))
  try {
    if (process.getuid?.() === 0) apt(['update'])
    apt(['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: dir })
    const [archive] = readdirSync(dir)
    run('dpkg-deb', ['-x', join(dir, archive), join(dir, 'files')])
    mkdirSync(kept, { recursive: true })
    copyFileSync(join(dir, 'files', 'usr', 'lib', 'postgresql', major, 'bin', 'pgbench'), join(kept, 'pgbench'))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  if (!runs(join(kept, 'pgbench'))) fail(`pgbench of ${name} does not run here: install ${name} itself`)
}

/** Debian puts wrappers into the PATH that stand for programs which aren't installed: only running one tells. */
const runs = program => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

const apt = (args, options) =>
  run('apt-get', ['-qq', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    ...options,
  })

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.version} is too old: 20.19 or newer is needed, 24 is recommended.`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) bootstrap()
