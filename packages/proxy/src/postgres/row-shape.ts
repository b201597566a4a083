/**
 * Whether a DataRow's body holds exactly this many fields and not a byte more. Rows mostly go out as they came in, so
 * this look is all that keeps a hostile server's lengths from the client (CVE-2026-32286), and masks on their columns.
 */
export function isWholeRow(bytes: Uint8Array, start: number, end: number, columns: number): boolean {
  let at = start + 2
  if (at > end || uint16At(bytes, start) !== columns) return false
  for (let i = 0; i < columns; i++) {
    if (at + 4 > end) return false
    const length = int32At(bytes, at)
    if (length < -1) return false
    at += length > 0 ? 4 + length : 4
  }
  return at === end
}

/** The same for a row that comes in parts, of which none is kept. */
export class RowShape {
  readonly #columns: number
  /** Fields whose length is still to come; null until their count has. */
  #fieldsLeft: number | null = null
  /** Bytes of a value still to come. */
  #valueLeft = 0
  /** The bytes so far of a number that a part ended in. */
  #number = 0
  #numberBytes = 0

  constructor(columns: number) {
    this.#columns = columns
  }

  /** Whether all of the row has come. */
  get isWhole(): boolean {
    return this.#fieldsLeft === 0 && this.#valueLeft === 0
  }

  /** Follows the next bytes of the body; false once they can't be those of such a row. */
  follow(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start
    while (at < end) {
      if (this.#valueLeft > 0) {
        const count = Math.min(this.#valueLeft, end - at)
        this.#valueLeft -= count
        at += count
        continue
      }
      if (this.#fieldsLeft === 0) return false
      this.#number = (this.#number << 8) | (bytes[at] ?? 0)
      this.#numberBytes += 1
      at += 1
      if (this.#numberBytes === (this.#fieldsLeft === null ? 2 : 4) && !this.#takeNumber()) return false
    }
    return true
  }

  #takeNumber(): boolean {
    const number = this.#number
    this.#number = 0
    this.#numberBytes = 0
    if (this.#fieldsLeft === null) {
      this.#fieldsLeft = number
      return number === this.#columns
    }
    this.#fieldsLeft -= 1
    this.#valueLeft = Math.max(number, 0)
    return number >= -1
  }
}

// Two array accesses cost less than a DataView, and one would have to be made for each row.
const uint16At = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

const int32At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)
