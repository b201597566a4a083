import { isClosed, isDigit, isFree, isSeparator } from './ascii.ts'

const DIGITS_MIN = 13
const DIGITS_MAX = 19
/** Printed numbers come in groups of four to six, which keeps dates, times and UUIDs out. */
const GROUP_DIGITS_MIN = 3
const GROUP_DIGITS_MAX = 6

/**
 * The end of a card number that begins at `at`, or -1. A card number is 13 to 19 digits, in one run or in groups parted
 * by single spaces or dashes, of a length that its first digits are issued with, and with a valid check digit.
 */
export function creditCardAt(text: string, at: number): number {
  if (!isDigit(text.charCodeAt(at)) || !isFree(text, at)) return -1
  let digits = ''
  let groups = 0
  let found = -1
  for (let position = at; digits.length < DIGITS_MAX; position++) {
    const groupStart = position
    while (isDigit(text.charCodeAt(position)) && position - groupStart <= DIGITS_MAX) position++
    const size = position - groupStart
    groups++
    if (size < GROUP_DIGITS_MIN || ((size > GROUP_DIGITS_MAX || size < GROUP_DIGITS_MIN) && groups > 1)) break
    digits += text.slice(groupStart, position)
    if (isCardNumber(digits) && isClosed(text, position)) found = position
    const goesOn = size <= GROUP_DIGITS_MAX && isSeparator(text.charCodeAt(position))
    if (!goesOn || !isDigit(text.charCodeAt(position + 1))) break
  }
  return found
}

const isCardNumber = (digits: string): boolean =>
  digits.length >= DIGITS_MIN &&
  digits.length <= DIGITS_MAX &&
  isIssued(digits) &&
  hasCheckDigit(digits) &&
  !isArticleNumber(digits)

/** Issuer ranges of ISO/IEC 7812, with the lengths that each network issues. */
function isIssued(digits: string): boolean {
  const length = digits.length
  const two = Number(digits.slice(0, 2))
  const four = Number(digits.slice(0, 4))
  if (digits.startsWith('4')) return length === 13 || length === 16 || length === 19
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length === 16
  if (two === 34 || two === 37) return length === 15
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059)) return length === 14
  if (four >= 3528 && four <= 3589) return length >= 16
  if (two === 60 || two === 62 || two === 64 || two === 65) return length >= 16
  return two === 50 || (two >= 56 && two <= 58) || two === 63 || two === 67
}

/** The Luhn formula (ISO/IEC 7812-1, annex B). */
function hasCheckDigit(digits: string): boolean {
  let sum = 0
  for (let index = digits.length - 1, isDoubled = false; index >= 0; index--, isDoubled = !isDoubled) {
    const digit = digits.charCodeAt(index) - 0x30
    sum += isDoubled ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
  }
  return sum % 10 === 0
}

/**
 * Thirteen digits that hold as a number of an article, too (EAN-13, GS1 General Specifications section 7.9): those with a 4 in
 * front stand for German goods in every shop's tables, and cards of thirteen digits are long gone.
 */
function isArticleNumber(digits: string): boolean {
  if (digits.length !== DIGITS_MIN) return false
  let sum = 0
  for (let index = 0; index < DIGITS_MIN; index++) sum += (digits.charCodeAt(index) - 0x30) * (index % 2 === 0 ? 1 : 3)
  return sum % 10 === 0
}
