import { setTimeout as sleep } from 'node:timers/promises'
import { type ObjectStore, s3Store } from '@querywarden/recording'
import type { S3Config } from './config/s3-document.ts'
import { readSecret } from './config/secrets.ts'

/**
 * Opens a bucket. Secrets in files are read for each request, so that temporary ones can be renewed.
 * @throws {ConfigError} a secret can't be read.
 */
export function openObjectStore(config: S3Config, env: NodeJS.ProcessEnv): ObjectStore {
  const read = () => ({
    accessKeyId: readSecret(config.accessKeyId, env).trim(),
    secretAccessKey: readSecret(config.secretAccessKey, env).trim(),
    sessionToken: config.sessionToken === null ? null : readSecret(config.sessionToken, env).trim(),
  })
  read()
  return s3Store({
    ...config,
    credentials: async () => read(),
    fetch,
    deadline: ms => AbortSignal.timeout(ms),
    sleep: ms => sleep(ms, undefined, { ref: false }),
    random: Math.random,
    now: Date.now,
  })
}
