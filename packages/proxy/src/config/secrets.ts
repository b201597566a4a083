import { readFileSync } from 'node:fs'
import type { SecretRef } from '@querywarden/policy-core'
import { ConfigError } from './config-error.ts'

/** Reads a secret where its reference points. The error names the place, never the value. */
export function readSecret(ref: SecretRef, env: NodeJS.ProcessEnv): string {
  switch (ref.kind) {
    case 'env': {
      const value = env[ref.name]
      if (value === undefined || value === '') {
        throw new ConfigError(
          'SECRET_MISSING',
          `environment variable \`${ref.name}\` is not set, and the configuration takes a secret from it`,
        )
      }
      return value
    }
    case 'file':
      return readSecretFile(ref.path)
  }
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new ConfigError('SECRET_MISSING', `secret file \`${path}\` can't be read (${codeOf(cause)})`)
  }
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'unknown error'
