import { elementOid } from './array-types.ts'

/** A column's type as far as masks care. `sql` spells it, modifier included, so that no search_path can retarget it. */
export type ColumnType =
  | ScalarType
  | ArrayType
  /** A type that only NULL is shown for, with `sql` null where it is better not spelled: types of users, domains, ranges. */
  | { readonly kind: 'other'; readonly sql: string | null }

/** A type that masks know how to write. */
export type ScalarType =
  | TextType
  | JsonType
  | { readonly kind: 'integer'; readonly sql: string; readonly bytes: 2 | 4 | 8 }
  | { readonly kind: 'float'; readonly sql: string; readonly bytes: 4 | 8 }
  | { readonly kind: 'numeric'; readonly sql: string; readonly size: NumericSize | null }
  | { readonly kind: 'date' | 'timestamp' | 'timestamptz' | 'time'; readonly sql: string }
  | { readonly kind: 'bool' | 'uuid' | 'bytea' | 'xml' | 'inet'; readonly sql: string }

/** An array of any number of dimensions: its type doesn't say how many. */
export interface ArrayType {
  readonly kind: 'array'
  readonly sql: string
  readonly element: ScalarType
  readonly elementOid: number
}

/** json keeps the text that was put in; jsonb the document. */
export interface JsonType {
  readonly kind: 'json'
  readonly sql: string
  readonly flavour: 'json' | 'jsonb'
}

/** text, varchar(n), char(n), name. */
export interface TextType {
  readonly kind: 'text'
  readonly sql: string
  /** The n of varchar(n) and char(n). */
  readonly charactersMax: number | null
  /** Of name: NAMEDATALEN - 1. */
  readonly bytesMax: number | null
  /** char(n): values are padded with blanks, and trailing blanks mean nothing. */
  readonly padded: boolean
}

export interface NumericSize {
  readonly precision: number
  readonly scale: number
}

/** OIDs of PostgreSQL's own types (src/include/catalog/pg_type.dat): fixed for ever. */
export const OID = {
  bool: 16,
  bytea: 17,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  xml: 142,
  float4: 700,
  float8: 701,
  unknown: 705,
  inet: 869,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const

/** NAMEDATALEN - 1 (src/include/pg_config_manual.h). */
const NAME_BYTES_MAX = 63

/** MaxAttrSize (access/htup_details.h): the largest n of varchar(n) and char(n). */
const CHARACTERS_MAX = 10_485_760

/** VARHDRSZ: the type modifiers of varchar, char and numeric are this much larger than what they say. */
const HEADER_BYTES = 4

/** What a type OID and its modifier mean. Every OID means something: what isn't known can only be shown as NULL. */
export function columnType(typeOid: number, typmod: number): ColumnType {
  switch (typeOid) {
    case OID.text:
      return textType('pg_catalog.text', -1, false)
    case OID.varchar:
      return textType('pg_catalog.varchar', typmod, false)
    case OID.bpchar:
      return textType('pg_catalog.bpchar', typmod, true)
    case OID.name:
      return { kind: 'text', sql: 'pg_catalog.name', charactersMax: null, bytesMax: NAME_BYTES_MAX, padded: false }
    case OID.int2:
      return { kind: 'integer', sql: 'pg_catalog.int2', bytes: 2 }
    case OID.int4:
      return { kind: 'integer', sql: 'pg_catalog.int4', bytes: 4 }
    case OID.int8:
      return { kind: 'integer', sql: 'pg_catalog.int8', bytes: 8 }
    case OID.numeric:
      return numericType(typmod)
    case OID.date:
      return { kind: 'date', sql: 'pg_catalog.date' }
    case OID.timestamp:
      return { kind: 'timestamp', sql: withDigits('pg_catalog.timestamp', typmod) }
    case OID.timestamptz:
      return { kind: 'timestamptz', sql: withDigits('pg_catalog.timestamptz', typmod) }
    case OID.time:
      return { kind: 'time', sql: withDigits('pg_catalog.time', typmod) }
    case OID.bool:
      return { kind: 'bool', sql: 'pg_catalog.bool' }
    case OID.uuid:
      return { kind: 'uuid', sql: 'pg_catalog.uuid' }
    case OID.bytea:
      return { kind: 'bytea', sql: 'pg_catalog.bytea' }
    case OID.json:
      return { kind: 'json', sql: 'pg_catalog.json', flavour: 'json' }
    case OID.jsonb:
      return { kind: 'json', sql: 'pg_catalog.jsonb', flavour: 'jsonb' }
    case OID.float4:
      return { kind: 'float', sql: 'pg_catalog.float4', bytes: 4 }
    case OID.float8:
      return { kind: 'float', sql: 'pg_catalog.float8', bytes: 8 }
    case OID.xml:
      return { kind: 'xml', sql: 'pg_catalog.xml' }
    case OID.inet:
      return { kind: 'inet', sql: 'pg_catalog.inet' }
    default:
      return arrayType(typeOid, typmod)
  }
}

/** An array's modifier is that of its elements. */
function arrayType(typeOid: number, typmod: number): ColumnType {
  const of = elementOid(typeOid)
  const element = of === null ? null : columnType(of, typmod)
  return of === null || element === null || element.kind === 'other' || element.kind === 'array'
    ? { kind: 'other', sql: null }
    : { kind: 'array', sql: `${element.sql}[]`, element, elementOid: of }
}

/** A modifier that no server gives out makes the type unknown: what it would have us do can't be meant. */
function textType(name: string, typmod: number, padded: boolean): ColumnType {
  const bare = { kind: 'text', sql: name, charactersMax: null, bytesMax: null, padded } as const
  if (typmod < 0) return bare
  const charactersMax = typmod - HEADER_BYTES
  if (charactersMax < 1 || charactersMax > CHARACTERS_MAX) return { kind: 'other', sql: null }
  return { ...bare, sql: `${name}(${charactersMax})`, charactersMax }
}

const withDigits = (name: string, typmod: number): string => (typmod >= 0 ? `${name}(${typmod})` : name)

/** Precision in the upper 16 bits, scale in the lower 11, signed (make_numeric_typmod in utils/adt/numeric.c). */
function numericType(typmod: number): ColumnType {
  if (typmod < HEADER_BYTES) return { kind: 'numeric', sql: 'pg_catalog.numeric', size: null }
  const packed = typmod - HEADER_BYTES
  const precision = (packed >> 16) & 0xffff
  const scale = ((packed & 0x7ff) ^ 1024) - 1024
  return { kind: 'numeric', sql: `pg_catalog.numeric(${precision},${scale})`, size: { precision, scale } }
}
