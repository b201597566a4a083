import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { TlsFiles, UpstreamTls } from './config.ts'
import { ConfigError } from './config-error.ts'

/**
 * The listener's certificate and key, ready to serve with.
 * @throws {ConfigError} `UNREADABLE`
 */
export function openTlsFiles(files: TlsFiles): SecureContext {
  try {
    return createSecureContext({ cert: readFileSync(files.cert), key: readFileSync(files.key), minVersion: 'TLSv1.2' })
  } catch {
    throw new ConfigError(
      'UNREADABLE',
      `\`listen.postgres.tls\`: certificate \`${files.cert}\` and key \`${files.key}\` can't be read as a PEM pair`,
    )
  }
}

/**
 * Puts a target's authority itself in place of its file's name: that is what a TLS handshake takes.
 * @throws {ConfigError} `UNREADABLE`
 */
export function withAuthority(tls: UpstreamTls, target: string): UpstreamTls {
  if (tls.mode === 'off' || tls.ca === null) return tls
  try {
    const ca = readFileSync(tls.ca, 'utf8')
    createSecureContext({ ca })
    if (ca.includes('-----BEGIN CERTIFICATE-----')) return { ...tls, ca }
  } catch {
    // The answer is the same: there is no authority to check the database against.
  }
  throw new ConfigError(
    'UNREADABLE',
    `\`targets.${target}.url\`: sslrootcert \`${tls.ca}\` can't be read as PEM certificates`,
  )
}
