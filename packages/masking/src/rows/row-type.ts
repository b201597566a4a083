import { elementOid } from '../array-types.ts'
import { OID } from '../column-type.ts'

/** What a driver makes of a value. `json` is a parsed document; a `date` is a Date. */
export const JS_TYPES = ['string', 'number', 'bigint', 'boolean', 'date', 'buffer', 'json'] as const
export type JsType = (typeof JS_TYPES)[number]

/** Whether a driver reads dates without a zone as moments of its own zone, as pg and mysql2 do, or of UTC. */
export type DatesIn = 'local' | 'utc'

/**
 * The type of a column of rows: that of PostgreSQL, with what the driver makes of it where that isn't what pg does, or just
 * what it is in JavaScript.
 */
export type RowType =
  | JsType
  | { readonly typeOid: number; readonly typmod?: number; readonly js?: JsType; readonly dates?: DatesIn }

/** A {@link RowType} with everything said. `js` is that of an array's elements, where it is one. */
export interface SettledType {
  readonly typeOid: number
  readonly typmod: number
  readonly js: JsType
  readonly dates: DatesIn
}

/** Says everything of a type. */
export function settledType(type: RowType): SettledType {
  if (typeof type === 'string') return { typeOid: OID_OF[type], typmod: -1, js: type, dates: 'utc' }
  const { typeOid, typmod = -1, dates = 'local' } = type
  return { typeOid, typmod, js: type.js ?? jsOf(elementOid(typeOid) ?? typeOid), dates }
}

/** The types that are closest. A Date is a moment. */
const OID_OF: Readonly<Record<JsType, number>> = {
  string: OID.text,
  number: OID.float8,
  bigint: OID.int8,
  boolean: OID.bool,
  date: OID.timestamptz,
  buffer: OID.bytea,
  json: OID.jsonb,
}

/** What pg makes of a type's values, if nobody told it otherwise (pg-types, lib/textParsers.js). */
function jsOf(typeOid: number): JsType {
  switch (typeOid) {
    case OID.bool:
      return 'boolean'
    case OID.bytea:
      return 'buffer'
    case OID.int2:
    case OID.int4:
    case OID.float4:
    case OID.float8:
      return 'number'
    case OID.json:
    case OID.jsonb:
      return 'json'
    case OID.date:
    case OID.timestamp:
    case OID.timestamptz:
      return 'date'
    default:
      return 'string'
  }
}
