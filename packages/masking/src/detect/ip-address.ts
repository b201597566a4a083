import { isAlphanumeric, isClosed, isDigit, isFree, isLetter } from './ascii.ts'

const DOT = 0x2e
const COLON = 0x3a
const DASH = 0x2d
const PLUS = 0x2b
const OCTETS = 4
const OCTET_MAX = 255
const GROUPS = 8
const GROUP_DIGITS_MAX = 4
/** What a number in four parts is called that is no address. */
const CALLED_VERSION = /(?:version|release|build|firmware|driver|ver|rev|oid|section|chapter)\.?["'\s:=_#v(-]{0,4}$/i
const NAME_CHARS_MAX = 20

/**
 * The end of an IPv4 address that begins at `at`, or -1: four decimal numbers (RFC 6943 section 3.1.1, the strict form).
 * Nothing in 0.0.0.0/8, which is no address of anybody (RFC 1122 section 3.2.1.3), and nothing that is called a version.
 */
export function ipv4At(text: string, at: number): number {
  if (!isDigit(text.charCodeAt(at)) || text.charCodeAt(at) === 0x30 || !isFree(text, at)) return -1
  const before = text.charCodeAt(at - 1)
  if ((before === DOT || before === DASH) && isAlphanumeric(text.charCodeAt(at - 2))) return -1
  const end = octetsEnd(text, at)
  if (end < 0 || !isClosed(text, end)) return -1
  const after = text.charCodeAt(end)
  if (after === PLUS || (after === DASH && isLetter(text.charCodeAt(end + 1)))) return -1
  return CALLED_VERSION.test(text.slice(Math.max(0, at - NAME_CHARS_MAX), at)) ? -1 : end
}

function octetsEnd(text: string, at: number): number {
  let position = at
  for (let octet = 1; octet <= OCTETS; octet++) {
    let value = 0
    const start = position
    while (isDigit(text.charCodeAt(position)) && position - start < 3) {
      value = value * 10 + text.charCodeAt(position) - 0x30
      position++
    }
    if (position === start || value > OCTET_MAX) return -1
    if (position - start > 1 && text.charCodeAt(start) === 0x30) return -1
    if (octet < OCTETS && text.charCodeAt(position++) !== DOT) return -1
  }
  return position
}

/**
 * The IPv6 address whose first colon is at `at`, or null: the forms of RFC 4291 section 2.2. With `::` it has two groups at least
 * and a decimal digit, so that `a::b` in a program is none; without, not eight groups of two, which are an EUI-64.
 */
export function ipv6Around(
  text: string,
  at: number,
  floor: number,
): { readonly start: number; readonly end: number } | null {
  let start = at
  while (start > floor && at - start < GROUP_DIGITS_MAX && isHex(text.charCodeAt(start - 1))) start--
  const before = text.charCodeAt(start - 1)
  if (isAlphanumeric(before) || before === 0x5f || before === COLON || before === DOT) return null
  const end = groupsEnd(text, start)
  return end < 0 || isAlphanumeric(text.charCodeAt(end)) || text.charCodeAt(end) === 0x5f ? null : { start, end }
}

function groupsEnd(text: string, start: number): number {
  let groups = 0
  let isShort = false
  let hasDigit = false
  let isOdd = false
  let position = start
  let end = -1
  while (groups < GROUPS) {
    const groupStart = position
    while (position - groupStart < GROUP_DIGITS_MAX && isHex(text.charCodeAt(position))) {
      hasDigit ||= isDigit(text.charCodeAt(position))
      position++
    }
    const size = position - groupStart
    const tail = text.charCodeAt(position) === DOT && groups > 0 && size > 0 ? octetsEnd(text, groupStart) : -1
    if (tail >= 0) {
      groups += 2
      end = tail
      isOdd = true
      break
    }
    if (size > 0) {
      groups++
      isOdd ||= size !== 2
      end = position
    }
    if (text.charCodeAt(position) !== COLON) break
    if (text.charCodeAt(position + 1) === COLON) {
      if (isShort) return -1
      isShort = true
      position += 2
      end = position
    } else if (size > 0 && isHex(text.charCodeAt(position + 1))) position++
    else break
  }
  if (isShort) return groups >= 2 && groups < GROUPS && hasDigit ? end : -1
  return groups === GROUPS && isOdd ? end : -1
}

const isHex = (unit: number): boolean => isDigit(unit) || ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x66)
