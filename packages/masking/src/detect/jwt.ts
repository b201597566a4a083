import { isTokenUnit, runEnd } from './ascii.ts'

/** Headers with certificate chains are of some kilobytes. */
const HEADER_CHARS_MAX = 16_384
const PART_CHARS_MAX = Number.POSITIVE_INFINITY
const DOT = 0x2e

/** `{"` in base64, what a header as everybody writes it begins with. */
const OPENING = 'eyJ'

/**
 * The end of a JSON Web Token that begins at `at`, or -1: the compact form of a JWS (RFC 7515 section 7.1), three parts, or
 * of a JWE (RFC 7516 section 7.1), five, whose header names an algorithm. The last part of an unsigned token is empty.
 */
export function jwtAt(text: string, at: number): number {
  if (!text.startsWith(OPENING, at) || isTokenUnit(text.charCodeAt(at - 1))) return -1
  const headerEnd = runEnd(text, at, isTokenUnit, HEADER_CHARS_MAX)
  if (text.charCodeAt(headerEnd) !== DOT) return -1
  const payloadEnd = runEnd(text, headerEnd + 1, isTokenUnit, PART_CHARS_MAX)
  if (text.charCodeAt(payloadEnd) !== DOT || !namesAlgorithm(text.slice(at, headerEnd))) return -1
  const third = runEnd(text, payloadEnd + 1, isTokenUnit, PART_CHARS_MAX)
  if (text.charCodeAt(third) !== DOT) return payloadEnd > headerEnd + 1 ? third : -1
  const fourth = runEnd(text, third + 1, isTokenUnit, PART_CHARS_MAX)
  if (fourth === third + 1 || text.charCodeAt(fourth) !== DOT) return third
  return runEnd(text, fourth + 1, isTokenUnit, PART_CHARS_MAX)
}

/** RFC 7515 section 4.1.1: `alg` must be there. */
const namesAlgorithm = (header: string): boolean =>
  /"alg"\s{0,8}:/.test(Buffer.from(header, 'base64url').toString('latin1'))
