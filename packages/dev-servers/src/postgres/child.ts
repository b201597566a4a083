import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { SERVER_ENV } from './run.ts'
import { serverUser } from './server-user.ts'

/** A running server process that can't outlive the process that started it. */
export interface ServerChild {
  readonly pid: number | undefined
  /** How it ended, or null while it runs. */
  ended(): string | null
  /** Resolves when it has ended. */
  readonly end: Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Lets go of the guard. Call it when the process has ended. */
  release(): void
}

export interface ServerChildOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly dataDir: string
  readonly logFile: string
  /** Removed by the guard if this process dies without stopping the server. */
  readonly home: string
}

/**
 * Waits for the end of its input, which comes when the starting process is gone for whatever reason, `kill -9`
 * included; then stops the server at once and removes its files. The pid is read from the server's own lock file
 * on the way out, so that a reused pid is never hit.
 */
const GUARD = 'read -r _; read -r pid < "$1/postmaster.pid" && kill -QUIT "$pid"; sleep 0.2; rm -rf "$2"'

/** Starts the server in a session of its own: a Ctrl-C in the terminal reaches whoever started it, not the server. */
export function startChild({ program, args, dataDir, logFile, home }: ServerChildOptions): ServerChild {
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(program, args, {
    cwd: dataDir,
    env: SERVER_ENV,
    detached: true,
    stdio: ['ignore', log, log],
    ...(serverUser ?? {}),
  })
  closeSync(log)
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', dataDir, home], {
    cwd: '/',
    env: SERVER_ENV,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    ...(serverUser ?? {}),
  })
  let ended: string | null = null
  const end = new Promise<void>(resolve => {
    const settle = (how: string): void => {
      ended ??= how
      resolve()
    }
    child.once('error', error => settle(error.message))
    child.once('exit', (code, signal) => settle(`exit ${code ?? signal}`))
  })
  letGo(child)
  letGo(guard)
  return {
    pid: child.pid,
    ended: () => ended,
    end,
    kill: signal => {
      child.kill(signal)
    },
    release: () => {
      guard.kill('SIGKILL')
    },
  }
}

/** A forgotten server doesn't keep the process alive; the guard then stops it. */
function letGo(child: ChildProcess): void {
  child.on('error', () => undefined)
  child.unref()
  const input = child.stdin
  if (!input) return
  input.on('error', () => undefined)
  if ('unref' in input && typeof input.unref === 'function') input.unref()
}
