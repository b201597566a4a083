import { IdentityError } from './identity-error.ts'
import { type JsonObject, parseStrictObject } from './strict-json.ts'

/** A signed token taken apart. Nothing in it is verified yet. */
export interface CompactToken {
  readonly text: string
  readonly header: JsonObject
  readonly payload: JsonObject
  /** What the signature covers. */
  readonly signingInput: string
}

/** More than any real token; threats I2. */
export const TOKEN_BYTES_MAX = 16_384

/** Whether a text has the three parts of a signed token, whatever is in them. */
export const looksSigned = (token: string): boolean => token.split('.', 4).length === 3

/** @throws IdentityError `TOKEN_TOO_LARGE`. */
export function checkSize(token: string): void {
  // A string has at least one byte for each of its units, so this bounds all work that follows.
  if (token.length <= TOKEN_BYTES_MAX) return
  throw new IdentityError('TOKEN_TOO_LARGE', `token is longer than ${TOKEN_BYTES_MAX} bytes`)
}

/**
 * Takes a JWS in compact form apart, strictly: RFC 7515 section 7.1, base64url without padding or stray bits, JSON
 * objects without repeated names. What a lenient reader would forgive is refused.
 *
 * @throws IdentityError `TOKEN_TOO_LARGE`, `TOKEN_MALFORMED`.
 */
export function splitToken(token: string): CompactToken {
  checkSize(token)
  const [head, body, signature, ...rest] = token.split('.')
  if (!head || !body || !signature || rest.length > 0) {
    throw new IdentityError('TOKEN_MALFORMED', 'token is not a signed JWT: expected three parts, none of them empty')
  }
  const bytes = { header: base64url(head), payload: base64url(body), signature: base64url(signature) }
  if (!bytes.header || !bytes.payload || !bytes.signature) {
    throw new IdentityError('TOKEN_MALFORMED', 'token is not base64url as RFC 7515 has it')
  }
  const header = parseStrictObject(bytes.header)
  const payload = parseStrictObject(bytes.payload)
  if (!header || !payload) {
    throw new IdentityError('TOKEN_MALFORMED', 'token parts are not JSON objects with each name once')
  }
  return { text: token, header, payload, signingInput: `${head}.${body}` }
}

/** The bytes, or null where encoding them again doesn't give the same text. */
function base64url(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}
