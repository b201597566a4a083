/** Decimal digits in one of numeric's digits (NBASE 10000 in utils/adt/numeric.c). */
const GROUP_DIGITS = 4
const NEGATIVE = 0x4000

/** The binary form of a plain decimal (`-12.50`), as numeric_send writes it: groups, weight, sign, scale, digits. */
export function numericBytes(decimal: string): Uint8Array {
  const unsigned = decimal.startsWith('-') ? decimal.slice(1) : decimal
  const [whole = '', fraction = ''] = unsigned.split('.')
  const padded = whole.padStart(roundUp(whole.length), '0') + fraction.padEnd(roundUp(fraction.length), '0')
  const groups: number[] = []
  for (let at = 0; at < padded.length; at += GROUP_DIGITS) groups.push(Number(padded.slice(at, at + GROUP_DIGITS)))

  let weight = roundUp(whole.length) / GROUP_DIGITS - 1
  while (groups[0] === 0) {
    groups.shift()
    weight--
  }
  while (groups.at(-1) === 0) groups.pop()

  const bytes = Buffer.alloc(8 + groups.length * 2)
  bytes.writeUInt16BE(groups.length, 0)
  bytes.writeInt16BE(groups.length === 0 ? 0 : weight, 2)
  bytes.writeUInt16BE(decimal.startsWith('-') ? NEGATIVE : 0, 4)
  bytes.writeUInt16BE(fraction.length, 6)
  groups.forEach((group, index) => {
    bytes.writeUInt16BE(group, 8 + index * 2)
  })
  return bytes
}

const roundUp = (digits: number): number => Math.ceil(digits / GROUP_DIGITS) * GROUP_DIGITS
