import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { UpstreamTls } from './config.ts'
import { ConfigError } from './config-error.ts'

/**
 * Puts a target's authority itself in place of its file's name: that is what a TLS handshake takes.
 * @throws {ConfigError} `UNREADABLE`
 */
export function withAuthority(tls: UpstreamTls, target: string): UpstreamTls {
  if (tls.mode === 'off' || tls.ca === null) return tls
  return { ...tls, ca: readAuthority(tls.ca, `\`targets.${target}.url\`: sslrootcert`) }
}

/**
 * The PEM certificates of an authority.
 * @param key - Of the configuration, for the error.
 * @throws {ConfigError} `UNREADABLE`
 */
export function readAuthority(path: string, key: string): string {
  try {
    const ca = readFileSync(path, 'utf8')
    createSecureContext({ ca })
    if (ca.includes('-----BEGIN CERTIFICATE-----')) return ca
  } catch {
    // The answer is the same: there is no authority to check anybody against.
  }
  throw new ConfigError('UNREADABLE', `${key} \`${path}\` can't be read as PEM certificates`)
}
