import { IdentityError } from './identity-error.ts'

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

const isLoopback = (url: URL): boolean => LOOPBACK_HOSTS.has(url.hostname)

/**
 * Whether keys may be fetched from here: https, or http on loopback where that is allowed. No user name, no fragment.
 */
export function isFetchable(text: unknown, allowHttpLoopback: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && allowHttpLoopback && isLoopback(url))
}

/** Whether an address is plain http; only then may its keys be, too. */
export const isPlainHttp = (text: string): boolean => text.startsWith('http:')

/**
 * Checks the configured issuer, which is compared with `iss` character by character afterwards.
 *
 * @throws IdentityError `CONFIG_INVALID`.
 */
export function checkIssuer(issuer: string, allowHttpLoopback: boolean): void {
  if (isFetchable(issuer, allowHttpLoopback) && !issuer.includes('?') && !issuer.includes('*')) return
  throw new IdentityError(
    'CONFIG_INVALID',
    'issuer must be one exact https URL without query; http is for loopback, and only with `allowHttpLoopback`',
  )
}
