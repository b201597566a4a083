import { dirname, resolve } from 'node:path'
import { masking } from '@querywarden/masking'
import type { Masking, Policy, SecretRef } from '@querywarden/policy-core'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'

/** HMAC keys shorter than this can be guessed; `masking` refuses them too, but only at the first statement. */
const KEY_BYTES_MIN = 16

/**
 * The masks of a policy with their keys. Every hash key is resolved now, so that a missing one stops the start and not a
 * statement.
 * @throws {ConfigError}
 */
export function openMasking(config: Config, policy: Policy, env: NodeJS.ProcessEnv): Masking {
  const keyOf = (ref: SecretRef | null): Uint8Array => {
    const found = ref === null ? config.masking.hashKey : besidePolicy(ref, config.policyFile)
    if (found === null)
      throw new ConfigError('INVALID', 'the policy has a `hash` mask without a key, and `masking.hash_key` is not set')
    const key = Buffer.from(readSecret(found, env))
    if (key.length >= KEY_BYTES_MIN) return key
    throw new ConfigError(
      'INVALID',
      `the key of a \`hash\` mask has ${key.length} bytes, expected at least ${KEY_BYTES_MIN}; make one with: openssl rand -hex 32`,
    )
  }
  const keys = new Map<string, Uint8Array>()
  const nameOf = (ref: SecretRef | null): string => JSON.stringify(ref)
  for (const { mask } of policy.masks) if (mask.kind === 'hash') keys.set(nameOf(mask.key), keyOf(mask.key))
  return masking({
    hashKey: ref => keys.get(nameOf(ref)) ?? keyOf(ref),
    copyFieldBytesMax: config.limits.frameBytesMax,
  })
}

/** A key file that a policy names is looked for beside the policy, not where the gateway happens to be started. */
const besidePolicy = (ref: SecretRef, policyFile: string): SecretRef =>
  ref.kind === 'file' ? { kind: 'file', path: resolve(dirname(policyFile), ref.path) } : ref
