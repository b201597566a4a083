import type { Random } from '../differential/random.ts'

/** One value as both databases have it, as SQL: what the mask shows of the two is the same. */
export interface Pair {
  readonly left: string
  readonly right: string
}

/** A sort of masked column: its type, its mask, and values that differ under the mask alone. */
export interface MaskedKind {
  readonly name: string
  readonly type: string
  /** As the policy has it. */
  readonly mask: string
  /** The pair of the n-th row. Distinct for distinct rows where `isUnique`. */
  readonly pair: (row: number, random: Random) => Pair
  readonly isUnique: boolean
  /** Whether the type has an order, so that it can be indexed, grouped and sorted by. */
  readonly isOrdered: boolean
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const word = (random: Random, length: number): string =>
  Array.from({ length }, () => LETTERS[random.below(26)] ?? 'x').join('')
const digits = (random: Random, length: number): string =>
  Array.from({ length }, () => String(random.below(10))).join('')
const two = (number: number): string => String(number).padStart(2, '0')

/** Texts that the two sides draw apart, of lengths of their own; the row keeps them distinct. */
const apart = (row: number, make: (side: number) => string): Pair => ({
  left: quoted(`${make(0)}${row}l`),
  right: quoted(`${make(1)}r${row}`),
})
/** Any two values of a type whose mask shows nothing; a NULL is hidden too where the mask is `null`. */
const either = (
  random: Random,
  make: () => string,
  { isNullHidden = false }: { readonly isNullHidden?: boolean } = {},
): Pair => ({
  left: isNullHidden && random.oneIn(5) ? 'NULL' : make(),
  right: isNullHidden && random.oneIn(5) ? 'NULL' : make(),
})

const hidden = (name: string, type: string, make: (random: Random) => string, isOrdered = true): MaskedKind => ({
  name,
  type,
  mask: "'null'",
  pair: (_, random) => either(random, () => make(random), { isNullHidden: true }),
  isUnique: false,
  isOrdered,
})

/** Every sort there is. Names are distinct, so that a relation can have any of them. */
export const MASKED_KINDS: readonly MaskedKind[] = [
  {
    name: 'ssn',
    type: 'text',
    mask: 'redact',
    pair: (row, random) => ({
      left: quoted(`${digits(random, 3)}-${two(row)}-${digits(random, 4)}`),
      right: quoted(`${digits(random, 3)}-${two(99 - row)}-${digits(random, 4)}`),
    }),
    isUnique: true,
    isOrdered: true,
  },
  {
    name: 'email',
    type: 'text',
    mask: 'email',
    pair: (row, random) => {
      const first = LETTERS[row % 26] ?? 'a'
      const domain = `@${random.pick(['mail.example', 'corp.example', 'x.example'])}`
      const local = (side: string): string => `${first}${word(random, 3 + random.below(6))}${row}${side}`
      return { left: quoted(local('l') + domain), right: quoted(local('r') + domain) }
    },
    isUnique: true,
    isOrdered: true,
  },
  {
    name: 'pan',
    type: 'varchar(24)',
    mask: '{ partial: { first: 6, last: 4 } }',
    pair: (row, random) => {
      const [first, last] = [digits(random, 6), digits(random, 4)]
      return {
        left: quoted(`${first}${digits(random, 4)}${two(row)}${last}`),
        right: quoted(`${first}${digits(random, 4)}${two(99 - row)}${last}`),
      }
    },
    isUnique: true,
    isOrdered: true,
  },
  {
    name: 'born',
    type: 'date',
    mask: '{ date-trunc: month }',
    pair: (row, random) => {
      const month = `19${70 + (row % 30)}-${two(1 + random.below(12))}`
      return {
        left: quoted(`${month}-${two(1 + random.below(28))}`),
        right: quoted(`${month}-${two(1 + random.below(28))}`),
      }
    },
    isUnique: false,
    isOrdered: true,
  },
  {
    name: 'seen_at',
    type: 'timestamptz',
    mask: '{ date-trunc: day }',
    pair: (row, random) => {
      const day = `2024-05-${two(1 + (row % 28))}`
      const at = (): string => quoted(`${day} ${two(random.below(24))}:${two(random.below(60))}+00`)
      return { left: at(), right: at() }
    },
    isUnique: false,
    isOrdered: true,
  },
  {
    name: 'label',
    type: 'text',
    mask: '{ constant: hidden }',
    pair: (row, random) => apart(row, () => word(random, 1 + random.below(9))),
    isUnique: false,
    isOrdered: true,
  },
  {
    name: 'national_id',
    type: 'twin.national_id',
    mask: 'redact',
    pair: (row, random) => apart(row, side => `${side === 0 ? 'LE' : 'RI'}-${digits(random, 4)}`),
    isUnique: false,
    isOrdered: true,
  },
  // A text that looks like a number on one side only: a cast of it would tell the sides apart.
  {
    name: 'code',
    type: 'text',
    mask: 'redact',
    pair: (row, random) => {
      const pair = { left: quoted(digits(random, 5)), right: quoted(`${word(random, 4)}${row}`) }
      return random.oneIn(2) ? pair : { left: pair.right, right: pair.left }
    },
    isUnique: false,
    isOrdered: true,
  },
  hidden('salary', 'numeric(12,2)', random => `${random.below(200_000)}.${two(random.below(100))}`),
  hidden('score', 'integer', random => String(random.below(7) - 2)),
  hidden('ratio', 'double precision', random => `${random.below(100)}.5`),
  hidden('is_vip', 'boolean', random => random.pick(['true', 'false'])),
  hidden('token', 'uuid', random => quoted(`${digits(random, 8)}-0000-4000-8000-${digits(random, 12)}`)),
  hidden('notes', 'jsonb', random => quoted(`{"secret": "${word(random, 6)}", "vip": ${random.oneIn(2)}}`)),
  hidden('extra', 'json', random => quoted(`{"a": [${random.below(99)}, "${word(random, 3)}"]}`), false),
  hidden('tags', 'text[]', random => `ARRAY[${quoted(word(random, 4))}, ${quoted(word(random, 2))}]`),
  hidden('marks', 'integer[]', random => `ARRAY[${random.below(9)}, ${random.below(9)}]`),
  hidden(
    'addr',
    'twin.address',
    random => `ROW(${quoted(word(random, 5))}, ${quoted(digits(random, 5))})::twin.address`,
  ),
  hidden('mood', 'twin.mood', random => random.pick(["'low'", "'fair'", "'high'"])),
  hidden('scan', 'bytea', random => quoted(`\\x${digits(random, 8)}`)),
  hidden('ip', 'inet', random => quoted(`10.${random.below(200)}.1.${random.below(200)}`)),
  hidden('doc', 'xml', random => quoted(`<a b="${word(random, 4)}"/>`), false),
  hidden('span', 'interval', random => quoted(`${random.below(90)} days`)),
  hidden('during', 'int4range', random => quoted(`[${random.below(9)},${10 + random.below(9)})`)),
]
