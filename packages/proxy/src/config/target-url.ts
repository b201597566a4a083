import { isLoopback } from '../loopback.ts'
import type { Address, UpstreamTls } from './config.ts'

export type TargetUrl =
  | {
      readonly kind: 'valid'
      readonly address: Address
      readonly user: string
      readonly database: string
      readonly tls: UpstreamTls
    }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * Reads `postgres://user@host:port/database?sslmode=…&sslrootcert=…`. Without `sslmode` a database on this host is
 * spoken to in the clear and any other over TLS with its certificate and name checked. Weaker modes of libpq that look
 * like TLS but check nothing are refused.
 */
export function readTargetUrl(text: string): TargetUrl {
  const url = parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    return invalid('expected postgres://user@host:port/database')
  if (url.password !== '') return invalid('holds a password, expected it by reference: password: { env: NAME }')
  const [, database, ...rest] = url.pathname.split('/').map(decodeURIComponent)
  if (url.username === '' || url.hostname === '' || database === undefined || database === '' || rest.length > 0) {
    return invalid('expected postgres://user@host:port/database')
  }
  for (const key of url.searchParams.keys()) {
    if (key !== 'sslmode' && key !== 'sslrootcert') return invalid('has a parameter other than sslmode and sslrootcert')
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const mode = url.searchParams.get('sslmode') ?? (isLoopback(host) || host === 'localhost' ? 'disable' : 'verify-full')
  if (mode !== 'disable' && mode !== 'verify-full') return invalid('has an sslmode other than disable and verify-full')
  return {
    kind: 'valid',
    address: { host, port: url.port === '' ? 5432 : Number(url.port) },
    user: decodeURIComponent(url.username),
    database,
    tls: mode === 'disable' ? { mode: 'off' } : { mode: 'verify-full', ca: url.searchParams.get('sslrootcert') },
  }
}

function parse(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

const invalid = (message: string): TargetUrl => ({ kind: 'invalid', message })
