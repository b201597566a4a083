import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { parseConfig } from './parse.ts'

/**
 * Reads a configuration file.
 * @throws {ConfigError}
 */
export function loadConfig(file: string): Config {
  return parseConfig(readText(file), resolve(file))
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new ConfigError('UNREADABLE', `configuration file \`${file}\` can't be read (${code}); name one with -c FILE`)
  }
}
