import { isTokenUnit, isWordStart } from './ascii.ts'

/** API keys (39 characters) and the secrets of OAuth clients. */
const KEY = /AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}/y

/**
 * The end of a Google Cloud API key or client secret that begins at `at`, or -1. Source: cloud.google.com/docs/authentication/api-keys
 * and developers.google.com/identity/protocols/oauth2, by the forms they are issued in. The key file of a service account
 * holds a private key, which is found as such.
 */
export function gcpKeyAt(text: string, at: number): number {
  if (!isWordStart(text, at)) return -1
  KEY.lastIndex = at
  return KEY.test(text) && !isTokenUnit(text.charCodeAt(KEY.lastIndex)) ? KEY.lastIndex : -1
}
