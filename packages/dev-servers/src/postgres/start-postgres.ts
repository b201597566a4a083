import { randomBytes } from 'node:crypto'
import { chown, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { escapeIdentifier, escapeLiteral } from 'pg'
import { type Certificates, makeCertificates } from '../certificates.ts'
import { findBinaries, type PostgresMajor } from './binaries.ts'
import { freshDir } from './cache-dir.ts'
import { execSql } from './exec-sql.ts'
import { end, launch, type RunOptions } from './launch.ts'
import { run } from './run.ts'
import { serverUser } from './server-user.ts'
import { template } from './template.ts'

export interface PostgresOptions extends RunOptions {
  /** Default 18. */
  readonly major?: PostgresMajor
  /** A database made for you; default `postgres`, which is always there. */
  readonly database?: string
  /** The superuser's password; default a random one. */
  readonly password?: string
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

const USER = 'postgres'
const HOST = '127.0.0.1'

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
      exec: (sql, on = database) => execSql({ port, password, database: on }, sql),
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

async function prepare(port: number, initialPassword: string, password: string, database: string): Promise<void> {
  const to = { port, password: initialPassword, database: USER }
  if (database !== USER) await execSql(to, `CREATE DATABASE ${escapeIdentifier(database)}`)
  await execSql(to, `ALTER ROLE ${USER} PASSWORD ${escapeLiteral(password)}`)
}
