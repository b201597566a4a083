import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { patternProblem } from '@querywarden/masking'
import type { Policy } from '@querywarden/policy-core'
import { PolicyError, readPolicyYaml } from '@querywarden/policy-core/yaml'
import { ConfigError } from './config/config-error.ts'

/** A policy and the name of exactly this text, which approvals and recordings carry. */
export interface OpenedPolicy {
  readonly policy: Policy
  readonly version: string
}

/**
 * Reads a policy file.
 * @throws {ConfigError} `UNREADABLE`, or `INVALID` with one line per issue.
 */
export const openPolicy = (file: string): OpenedPolicy => parsePolicyText(readPolicyText(file), file)

/** @throws {ConfigError} `UNREADABLE` */
export function readPolicyText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new ConfigError('UNREADABLE', `policy file \`${file}\` can't be read (${code})`)
  }
}

/** @throws {ConfigError} `INVALID` with one line per issue, which name `file`. */
export function parsePolicyText(text: string, file: string): OpenedPolicy {
  try {
    return {
      policy: readPolicyYaml(text, { file, checkPattern: patternProblem }),
      version: createHash('sha256').update(text).digest('hex').slice(0, 16),
    }
  } catch (error) {
    if (error instanceof PolicyError) throw new ConfigError('INVALID', error.message)
    throw error
  }
}
