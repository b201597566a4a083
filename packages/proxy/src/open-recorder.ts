import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@querywarden/policy-core'
import { type EntryTap, type FileRecorder, fileRecorder, RecordingError } from '@querywarden/recording'
import { uuidv7 } from 'uuidv7'
import type { RecordingConfig } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import type { Log } from './log.ts'
import { openCheckpoints } from './open-checkpoints.ts'

const KEY_BYTES = 32
/** What is kept free on the disk, so that the sessions under way can be recorded to their ends. */
export const FREE_BYTES_MIN: number = 64 * 1024 * 1024

/** The name of the key that is made where none is configured. */
export const KEY_FILE = 'recording.key'

/**
 * Opens the recorder, after closing what an earlier, killed process left open.
 * @throws {ConfigError} the directory or the key can't be used.
 */
export async function openRecorder(
  config: RecordingConfig,
  env: NodeJS.ProcessEnv,
  clock: Clock,
  log: Log,
  onEntry: EntryTap | null = null,
): Promise<FileRecorder> {
  const kek = config.key === null ? keyBeside(config.dir) : readRecordingKey(readSecret(config.key, env))
  const checkpoints = config.checkpoints === null ? {} : { checkpoints: openCheckpoints(config.checkpoints, env, log) }
  try {
    return await fileRecorder({
      ...checkpoints,
      ...(onEntry === null ? {} : { onEntry }),
      dir: config.dir,
      kek,
      durability: config.durability,
      parameters: 'digests',
      quotaBytes: config.bytesPerSessionMax,
      freeBytesMin: FREE_BYTES_MIN,
      clock,
      sleep: ms => sleep(ms, undefined, { ref: false }),
      randomBytes,
      newId: uuidv7,
      instance: hostname(),
    })
  } catch (error) {
    if (error instanceof RecordingError) throw new ConfigError('UNREADABLE', `recordings: ${error.message}`)
    throw error
  }
}

/** A key as configuration has it: 64 hexadecimal digits. */
export function readRecordingKey(text: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'hex')
  if (key.length !== KEY_BYTES || text.trim().length !== 2 * KEY_BYTES) {
    throw new ConfigError(
      'INVALID',
      `the recording key must be ${2 * KEY_BYTES} hexadecimal digits; make one with: openssl rand -hex ${KEY_BYTES}`,
    )
  }
  return key
}

/**
 * Reads the key file beside the recordings, or makes it. Good to begin with: whoever has the directory then has the key
 * too, so a deployment names one kept elsewhere.
 */
function keyBeside(dir: string): Uint8Array {
  const file = join(dir, KEY_FILE)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    // `wx`: two gateways that start at once must not each make a key.
    writeFileSync(file, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown error'
    if (code !== 'EEXIST') {
      throw new ConfigError(
        'UNREADABLE',
        `recordings directory \`${dir}\` can't be written (${String(code)}); make it writable for this user, or name another in \`recording.dir\``,
      )
    }
  }
  try {
    return readRecordingKey(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError('INVALID', `key file \`${file}\`: ${error.message}`)
    throw new ConfigError('UNREADABLE', `key file \`${file}\` can't be read by this user`)
  }
}
