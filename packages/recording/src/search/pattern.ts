/** Tells whether a text is what somebody looks for: as it is, in any case, with `*` for anything. */
export type Matcher = (text: string) => boolean

/** No pattern is longer: each `*` may be tried at each place. */
const PATTERN_CHARS_MAX = 256

/** Compiles a pattern by hand: an expression made of what a stranger typed could take for ever. */
export function matcher(pattern: string): Matcher {
  const parts = pattern.slice(0, PATTERN_CHARS_MAX).toLowerCase().split('*')
  const [first = ''] = parts
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return text => text.toLowerCase() === first
  return text => {
    const lower = text.toLowerCase()
    if (!lower.startsWith(first) || !lower.endsWith(last) || lower.length < first.length + last.length) return false
    let at = first.length
    for (const part of parts.slice(1, -1)) {
      const found = lower.indexOf(part, at)
      if (found === -1 || found + part.length > lower.length - last.length) return false
      at = found + part.length
    }
    return true
  }
}

/** Matches a person or a program by subject, or by `subject@issuer`. */
export const identityMatcher = (
  pattern: string,
): ((identity: { readonly issuer: string; readonly subject: string }) => boolean) => {
  const matches = matcher(pattern)
  return ({ issuer, subject }) => matches(subject) || matches(`${subject}@${issuer}`)
}
