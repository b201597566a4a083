import { type CanaryScanner, canaryScanner, MaskingError } from '@querywarden/masking'
import type { CanaryConfig } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'

/** A target's canaries with their values. */
export interface OpenCanaries {
  readonly values: readonly string[]
  /** Null where there are none: nothing is looked through. */
  readonly scanner: CanaryScanner | null
}

/** @throws {ConfigError} a value is not there, or is one that would turn up by chance. */
export function openCanaries(canaries: readonly CanaryConfig[], env: NodeJS.ProcessEnv): OpenCanaries {
  if (canaries.length === 0) return NO_CANARIES
  const known = canaries.map(({ name, value }) => ({ name, value: readSecret(value, env) }))
  try {
    return { values: known.map(({ value }) => value), scanner: canaryScanner(known) }
  } catch (error) {
    if (error instanceof MaskingError) throw new ConfigError('INVALID', error.message)
    throw error
  }
}

const NO_CANARIES: OpenCanaries = { values: [], scanner: null }
