import { OID } from '../column-type.ts'

/** How text is kept in a value of a type: where it may be replaced, and what must be escaped there. */
export type TextContext =
  | { readonly kind: 'plain' | 'json' | 'jsonb' | 'xml' }
  | { readonly kind: 'array'; readonly element: TextContext }
  /** A type that isn't known: composites, domains over them, enums, extensions' types. */
  | { readonly kind: 'opaque' }
  /** No text in it: numbers, times, truth values, addresses, bytes. */
  | { readonly kind: 'none' }

const PLAIN: TextContext = { kind: 'plain' }
const JSON_TEXT: TextContext = { kind: 'json' }
const JSONB: TextContext = { kind: 'jsonb' }
const XML: TextContext = { kind: 'xml' }
const OPAQUE: TextContext = { kind: 'opaque' }
const NONE: TextContext = { kind: 'none' }
const arrayOf = (element: TextContext): TextContext => ({ kind: 'array', element })

/** OIDs of src/include/catalog/pg_type.dat. */
const WITH_TEXT: ReadonlyMap<number, TextContext> = new Map([
  [OID.text, PLAIN],
  [OID.varchar, PLAIN],
  [OID.bpchar, PLAIN],
  [OID.name, PLAIN],
  [OID.unknown, PLAIN],
  [2275, PLAIN], // cstring
  [OID.json, JSON_TEXT],
  [OID.jsonb, JSONB],
  [OID.xml, XML],
  [1009, arrayOf(PLAIN)], // text[]
  [1015, arrayOf(PLAIN)], // varchar[]
  [1014, arrayOf(PLAIN)], // bpchar[]
  [1003, arrayOf(PLAIN)], // name[]
  [1263, arrayOf(PLAIN)], // cstring[]
  [199, arrayOf(JSON_TEXT)],
  [3807, arrayOf(JSONB)],
  [143, arrayOf(XML)],
])

/** Built-in types, and arrays of them, in which no detector has anything to look for. */
const WITHOUT_TEXT: ReadonlySet<number> = new Set([
  ...[16, 17, 18, 20, 21, 22, 23, 24, 26, 27, 28, 29, 30, 2202, 2203, 2204, 2205, 2206, 4089, 4096, 5069], // truth values, bytes, integers, oids
  ...[1000, 1001, 1002, 1005, 1006, 1007, 1008, 1010, 1011, 1012, 1013, 1016, 1028, 2210, 2211, 271], // arrays of them
  ...[700, 701, 790, 1700, 1021, 1022, 791, 1231], // floats, money, numeric
  ...[1082, 1083, 1114, 1184, 1186, 1266, 1182, 1183, 1115, 1185, 1187, 1270], // dates and times
  ...[600, 601, 602, 603, 604, 628, 718, 1017, 1018, 1019, 1020, 1027, 629, 719], // geometry
  ...[650, 869, 829, 774, 651, 1041, 1040, 775], // network addresses
  ...[1560, 1562, 1561, 1563, 2950, 2951, 3220, 3221, 2278, 2970, 5038], // bits, uuid, log positions, void, snapshots
  ...[3904, 3906, 3908, 3910, 3912, 3926, 3905, 3907, 3909, 3911, 3913, 3927], // ranges
])

/** How a type keeps text. What isn't known is looked into. */
export const textContext = (typeOid: number): TextContext =>
  WITH_TEXT.get(typeOid) ?? (WITHOUT_TEXT.has(typeOid) ? NONE : OPAQUE)
