import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'

/** What is decided at the start for as long as the process lives, by its key in the configuration. */
const FIXED: readonly { readonly key: string; readonly of: (config: Config) => unknown }[] = [
  { key: 'listen.postgres.address', of: ({ listen: { postgres } }) => [postgres.host, postgres.port] },
  { key: 'listen.admin.address', of: ({ listen }) => listen.admin },
  { key: 'listen.metrics.address', of: ({ listen }) => listen.metrics },
  { key: 'recording', of: ({ recording }) => recording },
  { key: 'limits.approvals_pending', of: ({ limits }) => limits.approvalsPendingMax },
  { key: 'limits.read_ms', of: ({ limits }) => limits.readMsMax },
  { key: 'limits.reading_threads', of: ({ limits }) => limits.readingThreadsMax },
  { key: 'workers', of: ({ workers }) => workers },
]

/**
 * Refuses a reload that would have to change what can't be changed: it must not look as if it had.
 * @throws {ConfigError} `INVALID`, with every such key.
 */
export function checkFixedKeys(before: Config, next: Config): void {
  const changed = FIXED.filter(({ of }) => !isDeepStrictEqual(of(before), of(next))).map(({ key }) => `\`${key}\``)
  if (changed.length === 0) return
  throw new ConfigError(
    'INVALID',
    `${changed.join(', ')} can't be changed while the gateway runs: restart it, or set back`,
  )
}
