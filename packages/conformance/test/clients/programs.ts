import { spawn } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Route } from './governed-server.ts'

/** Where scripts/bootstrap.mjs puts programs that it takes out of a package without installing it. */
const EXTRACTED = fileURLToPath(new URL('../../../../node_modules/.querywarden-programs', import.meta.url))
const DEBIAN = '/usr/lib/postgresql'

/**
 * The path of one of PostgreSQL's own programs. Debian's wrapper in the PATH is the last choice: it reads settings of
 * clusters, and stands there for programs that aren't installed.
 *
 * @throws Error it isn't here. A test without its client shows nothing, and must fail.
 */
export function programPath(name: 'psql' | 'pg_dump' | 'pg_restore' | 'pgbench'): string {
  const folders = [...debianFolders(), EXTRACTED, ...(process.env['PATH'] ?? '').split(delimiter)]
  const found = folders.map(folder => join(folder, name)).find(isProgram)
  if (found === undefined) throw new Error(`${name} is not here: run \`npm test\`, which installs it`)
  return found
}

function debianFolders(): readonly string[] {
  try {
    const majors = readdirSync(DEBIAN).map(Number).filter(Number.isInteger)
    return majors.sort((a, b) => b - a).map(major => join(DEBIAN, String(major), 'bin'))
  } catch {
    return []
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** What a libpq program is told of its connection, and nothing of whoever runs the tests. */
export const environmentOf = (route: Route, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  HOME: '/nonexistent',
  PGHOST: route.host,
  PGPORT: String(route.port),
  PGUSER: route.user,
  PGPASSWORD: route.password,
  PGDATABASE: route.database,
  PGSSLROOTCERT: route.caFile,
  PGCONNECT_TIMEOUT: '20',
  ...more,
})

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningProgram {
  readonly kill: (signal: NodeJS.Signals) => void
  readonly write: (text: string) => void
  /** Ends its standard input. */
  readonly end: () => void
  readonly done: Promise<Ran>
}

/** Starts a program; `onOutput` sees all of its standard output so far whenever there is more. */
export function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onOutput: (stdout: string) => void = () => undefined,
): RunningProgram {
  const child = spawn(program, args, { env, stdio: 'pipe' })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
    onOutput(stdout)
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  child.stdin.on('error', () => undefined)
  const done = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
  return {
    kill: signal => child.kill(signal),
    write: text => child.stdin.write(text),
    end: () => child.stdin.end(),
    done,
  }
}

/** Runs a program to its end, with `input` as its standard input. */
export function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<Ran> {
  const child = start(program, args, env)
  child.write(input)
  child.end()
  return child.done
}
