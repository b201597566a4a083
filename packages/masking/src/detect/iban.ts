import { isAlphanumeric, isClosed, isDigit, isFree, isLetter } from './ascii.ts'
import { IBAN_LENGTHS } from './iban-lengths.ts'

/**
 * The end of an IBAN that begins at `at`, or -1: a country of the registry, its exact length, single spaces or dashes
 * anywhere between, either case, and check digits that hold (ISO 7064 MOD 97-10).
 */
export function ibanAt(text: string, at: number): number {
  if (!isLetter(text.charCodeAt(at)) || !isLetter(text.charCodeAt(at + 1))) return -1
  if (!isDigit(text.charCodeAt(at + 2)) || !isDigit(text.charCodeAt(at + 3)) || !isFree(text, at)) return -1
  const length = IBAN_LENGTHS.get(text.slice(at, at + 2).toUpperCase())
  if (length === undefined) return -1

  let characters = ''
  let position = at
  while (characters.length < length) {
    if (isAlphanumeric(text.charCodeAt(position))) characters += text.charAt(position++)
    else if (isGap(text, position)) position++
    else return -1
  }
  return isClosed(text, position) && hasCheckDigits(characters.toUpperCase()) ? position : -1
}

const isGap = (text: string, position: number): boolean =>
  (text.charCodeAt(position) === 0x20 || text.charCodeAt(position) === 0x2d) &&
  isAlphanumeric(text.charCodeAt(position + 1))

/** The first four characters go last, letters count from 10, and the remainder by 97 must be 1. */
function hasCheckDigits(characters: string): boolean {
  let remainder = 0
  for (let index = 0; index < characters.length; index++) {
    const unit = characters.charCodeAt((index + 4) % characters.length)
    const value = isDigit(unit) ? unit - 0x30 : unit - 0x41 + 10
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder === 1
}
