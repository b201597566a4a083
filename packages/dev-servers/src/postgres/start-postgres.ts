import { randomBytes } from 'node:crypto'
import { chown, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client, escapeIdentifier, escapeLiteral } from 'pg'
import { type Certificates, makeCertificates } from '../certificates.ts'
import { freePort } from '../free-port.ts'
import { ServerError } from '../server-error.ts'
import { type Binaries, findBinaries, type PostgresMajor } from './binaries.ts'
import { freshDir } from './cache-dir.ts'
import { type ServerChild, startChild } from './child.ts'
import { run } from './run.ts'
import { serverUser } from './server-user.ts'
import { template } from './template.ts'

export interface PostgresOptions {
  /** Default 18. */
  readonly major?: PostgresMajor
  /** A database made for you; default `postgres`, which is always there. */
  readonly database?: string
  /** Serves TLS with the certificates of `makeCertificates`; clients without TLS are still let in. Default false. */
  readonly tls?: boolean
  /** Run-time settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** The superuser's password; default a random one. */
  readonly password?: string
  /** Survive a power cut, at the price of speed. Default false. */
  readonly durable?: boolean
  readonly onProgress?: (message: string) => void
}

/** A running PostgreSQL server, on the loopback interface only. */
export interface PostgresServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: 'postgres'
  readonly password: string
  readonly database: string
  /** `postgres://user:password@host:port/database`, escaped where it must be. */
  readonly url: string
  readonly major: PostgresMajor
  readonly dataDir: string
  /** The server's libraries, libpq among them. */
  readonly libDir: string
  readonly pid: number
  /** What the server's certificate is checked against, where it serves TLS. */
  readonly certificates: Certificates | null
  /** Runs SQL as superuser on a connection of its own; gives the rows of the last statement. */
  exec(sql: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** The server's log so far. */
  log(): Promise<string>
  /** Stops it at once and removes its files. Safe to call twice. */
  stop(): Promise<void>
  /** Sends a signal to the server, to see what a client makes of it. `stop` is still needed afterwards. */
  kill(signal: NodeJS.Signals): void
}

interface Running {
  readonly child: ServerChild
  readonly port: number
}

const USER = 'postgres'
const HOST = '127.0.0.1'
const START_MS_MAX = 60_000
const POLL_MS = 10
const STATUS_LINE = 7
const STOP_MS_MAX = 10_000
/** Somebody may take the free port before the server does. */
const ATTEMPTS_MAX = 5
const LOG_TAIL_CHARS = 2_000

/**
 * Starts a real PostgreSQL server with scram-sha-256 logins, UTF8 and the C locale, and stops it when this process ends.
 *
 * @throws ServerError `UNSUPPORTED_PLATFORM`, `NOT_INSTALLED`, or `START_FAILED` with the end of the server's log.
 * @example
 * ```ts
 * const server = await startPostgres({ major: 17, settings: { max_connections: '20' } })
 * await server.exec('create table t (id int)')
 * await server.stop()
 * ```
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const { major = 18, database = USER, onProgress = () => undefined } = options
  const binaries = await findBinaries(major)
  const initial = await template(binaries, onProgress)
  const home = await freshDir()
  const dataDir = join(home, 'data')
  const logFile = join(home, 'server.log')
  const log = (): Promise<string> => readFile(logFile, 'utf8').catch(() => '')
  try {
    // cp runs as the server's user, so the copy belongs to it. -R is all that POSIX has, and all that is needed.
    await copyAsServer(initial.dataDir, dataDir)
    const certificates = options.tls ? await installCertificates(home) : null
    onProgress(`starting PostgreSQL ${binaries.version}`)
    const { child, port } = await launch({ binaries, home, dataDir, logFile, log, options })
    const password = options.password ?? randomBytes(18).toString('base64url')
    try {
      await prepare(port, initial.password, password, database)
    } catch (error) {
      await end(child)
      throw error
    }
    return {
      host: HOST,
      port,
      user: USER,
      password,
      database,
      url: `postgres://${USER}:${encodeURIComponent(password)}@${HOST}:${port}/${encodeURIComponent(database)}`,
      major,
      dataDir,
      libDir: binaries.libDir,
      pid: child.pid ?? 0,
      certificates,
      exec: (sql, on = database) => execute({ port, password, database: on }, sql),
      log,
      stop: async () => {
        await end(child)
        await rm(home, { recursive: true, force: true })
      },
      kill: child.kill,
    }
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
}

/** The template belongs to the server's user too, so the copy needs no change of owner. */
const copyAsServer = (from: string, to: string): Promise<void> => run('cp', ['-R', '-p', from, to], '/')

async function installCertificates(home: string): Promise<Certificates> {
  const certificates = makeCertificates()
  for (const [name, pem] of [
    ['server.crt', certificates.server.cert],
    ['server.key', certificates.server.key],
  ] as const) {
    const file = join(home, name)
    await writeFile(file, pem, { mode: 0o600 })
    if (serverUser) await chown(file, serverUser.uid, serverUser.gid)
  }
  return certificates
}

interface Launch {
  readonly binaries: Binaries
  readonly home: string
  readonly dataDir: string
  readonly logFile: string
  readonly log: () => Promise<string>
  readonly options: PostgresOptions
}

async function launch({ binaries, home, dataDir, logFile, log, options }: Launch): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const settings = settingsFor(options, home, port)
    const args = ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
    const child = startChild({ program: join(binaries.binDir, 'postgres'), args, dataDir, logFile, home })
    if (await isReady(child, dataDir)) return { child, port }
    await end(child)
    const text = await log()
    if (attempt === ATTEMPTS_MAX || !text.includes('Address already in use')) throw failed(child, text)
  }
}

function settingsFor({ tls, durable, settings }: PostgresOptions, home: string, port: number): Record<string, string> {
  return {
    listen_addresses: HOST,
    port: String(port),
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...(tls ? { ssl: 'on', ssl_cert_file: join(home, 'server.crt'), ssl_key_file: join(home, 'server.key') } : {}),
    ...settings,
  }
}

/**
 * Waits for the status line of the server's own lock file, as pg_ctl does (miscadmin.h, LOCK_FILE_LINE_PM_STATUS):
 * a connection could be answered by a stranger, and the log's place and language are up to the settings.
 */
async function isReady(child: ServerChild, dataDir: string): Promise<boolean> {
  const deadline = performance.now() + START_MS_MAX
  while (performance.now() < deadline && child.ended() === null) {
    const lines = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (lines[STATUS_LINE]?.trim() === 'ready') return true
    await setTimeout(POLL_MS)
  }
  return false
}

function failed(child: ServerChild, log: string): ServerError {
  const how = child.ended() ?? `not ready after ${START_MS_MAX} ms`
  return new ServerError(
    'START_FAILED',
    `the server did not start (${how}). Its log ends with:\n${log.slice(-LOG_TAIL_CHARS)}`,
  )
}

async function end(child: ServerChild): Promise<void> {
  // A stopped process would sit on any other signal.
  child.kill('SIGCONT')
  child.kill('SIGQUIT')
  const overdue = new AbortController()
  const forced = setTimeout(STOP_MS_MAX, undefined, { signal: overdue.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
  await child.end
  overdue.abort()
  await forced
  child.release()
}

async function prepare(port: number, initialPassword: string, password: string, database: string): Promise<void> {
  const to = { port, password: initialPassword, database: USER }
  if (database !== USER) await execute(to, `CREATE DATABASE ${escapeIdentifier(database)}`)
  await execute(to, `ALTER ROLE ${USER} PASSWORD ${escapeLiteral(password)}`)
}

interface Login {
  readonly port: number
  readonly password: string
  readonly database: string
}

async function execute(login: Login, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new Client({ ...login, host: HOST, user: USER, ssl: false })
  // A server that is killed under a connection is told by the query, and must not end this process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const results: unknown = await client.query(sql)
    const last: unknown = Array.isArray(results) ? results.at(-1) : results
    return isResult(last) ? last.rows : []
  } finally {
    await client.end()
  }
}

const isResult = (value: unknown): value is { rows: Record<string, unknown>[] } =>
  typeof value === 'object' && value !== null && 'rows' in value && Array.isArray(value.rows)
