/** The line that a private key begins with: PKCS #8, PKCS #1, SEC 1, OpenSSH, OpenPGP. */
const BEGIN = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
const END = '-----END '
const DASHES = '-----'
const LABEL_CHARS_MAX = 80
/** The key proper, behind line breaks (also written `\n`) and headers such as `Proc-Type: 4,ENCRYPTED`. */
const BODY = /[A-Za-z0-9+/]{16}/
const BODY_WITHIN_CHARS = 400

/**
 * The end of a private key in PEM that begins at `at`, or -1: up to its last line, and to the end of the text where that was
 * cut off. Source: RFC 7468, RFC 1421 for headers, openssh PROTOCOL.key, RFC 9580 section 6.2.
 */
export function privateKeyAt(text: string, at: number): number {
  if (text.charCodeAt(at + 1) !== 0x2d || !text.startsWith(DASHES, at)) return -1
  BEGIN.lastIndex = at
  if (!BEGIN.test(text)) return -1
  const bodyStart = BEGIN.lastIndex
  // Only what has a body is looked through to its end, and then found: so nothing is looked through twice.
  if (!BODY.test(text.slice(bodyStart, bodyStart + BODY_WITHIN_CHARS))) return -1
  const last = text.indexOf(END, bodyStart)
  if (last < 0) return text.length
  const close = text.slice(last + END.length, last + LABEL_CHARS_MAX).indexOf(DASHES)
  return close < 0 ? text.length : last + END.length + close + DASHES.length
}
