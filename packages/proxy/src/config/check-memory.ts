import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'

const MIB = 1_048_576
/** What a process that serves needs for itself, with room to work below the part from which sessions are shed. */
const PROCESS_MIB_MIN = 256

/**
 * Refuses a limit below which no worker could ever take a session: each would shed from its start to its end.
 * @throws {ConfigError} `INVALID`
 */
export function checkMemory({ limits: { memoryBytesMax }, workers }: Pick<Config, 'limits' | 'workers'>): void {
  if (memoryBytesMax === null || memoryBytesMax / workers >= PROCESS_MIB_MIN * MIB) return
  const share = Math.floor(memoryBytesMax / workers / MIB)
  throw new ConfigError(
    'INVALID',
    `\`limits.memory_mb\` leaves each of ${workers} ${workers === 1 ? 'process' : 'workers'} ${share} MiB, and one needs ${PROCESS_MIB_MIN}: ` +
      `expected ${workers * PROCESS_MIB_MIN} or more${workers === 1 ? '' : ', or fewer workers'}`,
  )
}
