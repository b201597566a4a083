import { createHash } from 'node:crypto'
import type { FileRecorder } from '@querywarden/recording'
import type { Config } from './config/config.ts'
import type { InForce } from './in-force.ts'

/**
 * Writes in the log of recordings what the gateway goes by from now on: the version of its policy, and a digest of its
 * configuration. Resolves when that is durable. Whatever is judged by them comes behind it in the log, if it isn't waited for
 * too: a log that fails refuses every statement, and says so there.
 */
export async function accountForSettings(
  { account }: Pick<FileRecorder, 'account'>,
  { policy, config }: Pick<InForce, 'policy' | 'config'>,
): Promise<void> {
  await Promise.all([
    account({ kind: 'setting', name: 'policy', digest: policy.version }),
    account({ kind: 'setting', name: 'configuration', digest: configDigest(config) }),
  ])
}

/** A configuration names its secrets and doesn't hold them, so that none is in its digest either. */
const configDigest = (config: Config): string =>
  createHash('sha256').update(JSON.stringify(config, sorted)).digest('hex')

/** The same settings in another order are the same. */
const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
