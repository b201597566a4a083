import type { DataTypeDef, Expr } from 'pgsql-ast-parser'

/** What a literal is made from: small numbers and texts, so that a shrunk one is 0 or empty. */
export interface ValuePlan {
  readonly number: number
  readonly text: string
  readonly isNull: boolean
}

/** A type that values can be written of. */
export interface ValueType {
  readonly name: string
  readonly family: 'text' | 'number' | 'other'
  /** It has an order, so it can be compared, grouped and sorted by. */
  readonly isOrdered: boolean
  /** `min` and `max` take it, on every server from 15 on. */
  readonly hasExtremes: boolean
  readonly literal: (plan: ValuePlan) => Expr
}

const asNumber = ({ number }: ValuePlan): Expr => ({ type: 'integer', value: number })
const asText = ({ text }: ValuePlan): Expr => ({ type: 'string', value: text })

const typeDef = (name: string): DataTypeDef =>
  name.endsWith('[]') ? { kind: 'array', arrayOf: { name: name.slice(0, -2) } } : { name }

/** A value of a type, written as text and cast. */
const asCast =
  (name: string, write: (plan: ValuePlan) => string): ValueType['literal'] =>
  plan => ({ type: 'cast', operand: { type: 'string', value: write(plan) }, to: typeDef(name) })

const text = (name: string): ValueType => ({
  name,
  family: 'text',
  isOrdered: true,
  hasExtremes: true,
  literal: asText,
})
const number = (name: string): ValueType => ({
  name,
  family: 'number',
  isOrdered: true,
  hasExtremes: true,
  literal: asNumber,
})
const moment = (name: string, write: (plan: ValuePlan) => string): ValueType => ({
  name,
  family: 'other',
  isOrdered: true,
  hasExtremes: true,
  literal: asCast(name, write),
})
const other = (name: string, write: (plan: ValuePlan) => string, isOrdered = true): ValueType => ({
  name,
  family: 'other',
  isOrdered,
  hasExtremes: false,
  literal: asCast(name, write),
})

const day = ({ number }: ValuePlan): string => `2024-01-0${1 + (number % 9)}`

/** By the OID of pg_type.dat: the same on all servers. Values of any other type are only ever NULL. */
const VALUE_TYPES: ReadonlyMap<number, ValueType> = new Map([
  [
    16,
    {
      name: 'boolean',
      family: 'other',
      isOrdered: true,
      hasExtremes: false,
      literal: ({ number }): Expr => ({ type: 'boolean', value: number % 2 === 1 }),
    },
  ],
  [17, other('bytea', ({ number }) => `b${number}`)],
  [20, number('bigint')],
  [21, number('smallint')],
  [23, number('integer')],
  [25, text('text')],
  [26, { ...number('oid'), family: 'other' }],
  [114, other('json', ({ number }) => `{"n": ${number}}`, false)],
  [700, number('real')],
  [701, number('double precision')],
  [869, moment('inet', ({ number }) => `10.0.0.${number % 256}`)],
  [1007, moment('integer[]', ({ number }) => `{${number}}`)],
  [1009, moment('text[]', ({ number }) => `{t${number}}`)],
  [1042, text('character')],
  [1043, text('character varying')],
  [1082, moment('date', day)],
  [1083, moment('time without time zone', ({ number }) => `0${number % 10}:00`)],
  [1114, moment('timestamp without time zone', plan => `${day(plan)} 12:00`)],
  [1184, moment('timestamp with time zone', plan => `${day(plan)} 12:00+00`)],
  [1186, moment('interval', ({ number }) => `${number} days`)],
  [1700, number('numeric')],
  [2950, other('uuid', ({ number }) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`)],
  [3802, other('jsonb', ({ number }) => `{"n": ${number}}`)],
])

/** The type of an OID, or null where no value of it is known. */
export const valueTypeOf = (typeOid: number): ValueType | null => VALUE_TYPES.get(typeOid) ?? null

/** Types for new columns. */
export const NEW_COLUMN_TYPES: readonly string[] = ['integer', 'text', 'boolean', 'date', 'numeric', 'jsonb']

/** A value of a type; NULL where none is known, or where the plan says so. */
export const literalOf = (type: ValueType | null, plan: ValuePlan): Expr =>
  type === null || plan.isNull ? { type: 'null' } : type.literal(plan)
