import type { Config } from './config/config.ts'
import { readPolicyText } from './open-policy.ts'

/** A configuration with the text of its policy: read once, so that all who serve by it serve by the same. */
export interface Sources {
  readonly config: Config
  readonly policyText: string
}

/** @throws {ConfigError} the policy's file can't be read. */
export const readSources = (config: Config): Sources => ({ config, policyText: readPolicyText(config.policyFile) })
