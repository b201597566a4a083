import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../free-port.ts'
import { ServerError } from '../server-error.ts'
import type { Binaries } from './binaries.ts'
import { type ServerChild, startChild } from './child.ts'

const START_MS_MAX = 60_000
const POLL_MS = 10
const STATUS_LINE = 7
const STOP_MS_MAX = 10_000
/** Somebody may take the free port before the server does. */
const ATTEMPTS_MAX = 5
const LOG_TAIL_CHARS = 2_000

/** How a server is to run. */
export interface RunOptions {
  /** Serves TLS with the certificates of `makeCertificates`; clients without TLS are still let in. Default false. */
  readonly tls?: boolean
  /** Run-time settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** Survive a power cut, at the price of speed. Default false. */
  readonly durable?: boolean
}

export interface Running {
  readonly child: ServerChild
  readonly port: number
}

/** What a server is started from. */
export interface Launch {
  readonly binaries: Binaries
  readonly home: string
  readonly dataDir: string
  readonly logFile: string
  readonly log: () => Promise<string>
  readonly options: RunOptions
}

/**
 * Starts the server on a free port and waits until it is ready.
 *
 * @throws ServerError `START_FAILED` with the end of the server's log.
 */
export async function launch({ binaries, home, dataDir, logFile, log, options }: Launch): Promise<Running> {
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

function settingsFor({ tls, durable, settings }: RunOptions, home: string, port: number): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
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

/** Stops the server at once, by force if it must be. */
export async function end(child: ServerChild): Promise<void> {
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
