import { spawn } from 'node:child_process'
import { ServerError } from '../server-error.ts'
import { serverUser } from './server-user.ts'

/** What server programs see of the environment: nothing of the caller's, so that no PG* variable changes a run. */
export const SERVER_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}
const OUTPUT_CHARS_MAX = 4_000

/** Runs a program to its end as the server's user; its output is in the error if it fails. */
export function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: SERVER_ENV,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(serverUser ?? {}),
    })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_CHARS_MAX)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', cause =>
      reject(new ServerError('START_FAILED', `\`${program}\` could not be run: ${cause.message}`, { cause })),
    )
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new ServerError('START_FAILED', `\`${program}\` ended with ${code ?? signal}:\n${output}`))
    })
  })
}
