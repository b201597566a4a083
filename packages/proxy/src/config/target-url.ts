import { isThisHost } from '../loopback.ts'
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
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) return invalid(FORM)
  if (url.password !== '') return invalid('holds a password, expected it by reference: password: { env: NAME }')
  const [user, database] = [decoded(url.username), decoded(url.pathname.slice(1))]
  if (!user || !database || url.hostname === '' || url.pathname.indexOf('/', 1) > 0 || url.hash !== '')
    return invalid(FORM)
  const parameters = [...url.searchParams]
  if (parameters.some(([key]) => key !== 'sslmode' && key !== 'sslrootcert'))
    return invalid('has a parameter other than sslmode and sslrootcert')
  if (new Set(parameters.map(([key]) => key)).size < parameters.length) return invalid('has a parameter twice')
  const tls = tlsOf(url)
  if (typeof tls === 'string') return invalid(tls)
  return {
    kind: 'valid',
    address: { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 5432 : Number(url.port) },
    user,
    database,
    tls,
  }
}

const FORM = 'expected postgres://user@host:port/database'

/** How to speak to the database, or why the URL doesn't say it. */
function tlsOf({ hostname, searchParams }: URL): UpstreamTls | string {
  const mode = searchParams.get('sslmode') ?? (isThisHost(hostname) ? 'disable' : 'verify-full')
  const ca = searchParams.get('sslrootcert')
  if (mode === 'verify-full') return { mode, ca }
  if (mode !== 'disable') return 'has an sslmode other than disable and verify-full'
  return ca === null ? { mode: 'off' } : 'has an sslrootcert, which only sslmode=verify-full checks against'
}

function parse(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

const invalid = (message: string): TargetUrl => ({ kind: 'invalid', message })
