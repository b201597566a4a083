import { OID } from '../column-type.ts'
import type { RowType } from './row-type.ts'

/** A column of a result, as a driver describes it. */
export interface RowField {
  readonly name: string
  readonly type: RowType
  /** The column of a relation that it shows; null where the server can't say. */
  readonly origin: RowOrigin | null
}

export type RowOrigin =
  | { readonly kind: 'oid'; readonly tableOid: number; readonly attnum: number }
  | { readonly kind: 'name'; readonly schema: string; readonly table: string; readonly column: string }

/** What is used of a field of pg's results. */
export interface PgField {
  readonly name: string
  readonly tableID: number
  readonly columnID: number
  readonly dataTypeID: number
  readonly dataTypeModifier: number
}

/**
 * The fields of a result of pg, or of a pool, a cursor or a driver on top of it that hands them on.
 *
 * @example
 * ```ts
 * const fields = fieldsOfPg((await client.query('select id, ssn from person')).fields)
 * ```
 */
export const fieldsOfPg = (fields: readonly PgField[]): readonly RowField[] =>
  fields.map(({ name, tableID, columnID, dataTypeID, dataTypeModifier }) => ({
    name,
    type: { typeOid: dataTypeID, typmod: dataTypeModifier },
    origin: tableID === 0 || columnID === 0 ? null : { kind: 'oid', tableOid: tableID, attnum: columnID },
  }))

/** What is used of a field of mysql2's results. */
export interface Mysql2Field {
  readonly name: string
  readonly orgName: string
  readonly orgTable: string
  readonly schema?: string
  readonly db?: string
  readonly columnType?: number
  readonly type?: number
  readonly characterSet?: number
}

/**
 * The fields of a result of mysql2. `dateStrings`, `supportBigNumbers` and other options that change what values become
 * are not seen in them: strings stay strings, whatever the type.
 *
 * @example
 * ```ts
 * const [rows, fields] = await connection.query('select id, ssn from person')
 * maskRows(rows, resultPlan(fieldsOfMysql2(fields), options))
 * ```
 */
export const fieldsOfMysql2 = (fields: readonly Mysql2Field[]): readonly RowField[] =>
  fields.map(field => ({ name: field.name, type: typeOfMysql(field), origin: originOfMysql(field) }))

/** A derived table or a view's inside has no name of its own: an origin is all three names, or it is none. */
function originOfMysql({ orgName, orgTable, schema, db }: Mysql2Field): RowOrigin | null {
  const database = schema ?? db ?? ''
  return orgName === '' || orgTable === '' || database === ''
    ? null
    : { kind: 'name', schema: database, table: orgTable, column: orgName }
}

/** The numbers of types in column definitions (enum_field_types of the client/server protocol). */
const NUMBERS: readonly number[] = [1, 2, 3, 4, 5, 8, 9, 13]
const DECIMALS: readonly number[] = [0, 246]
const DATES: readonly number[] = [7, 10, 12]
const TEXTS: readonly number[] = [15, 247, 248, 253, 254]
const BLOBS: readonly number[] = [249, 250, 251, 252]
const JSON_CODE = 245
const BINARY_CHARSET = 63
/** No type of PostgreSQL: nothing shows of it under any mask. */
const NO_TYPE: RowType = { typeOid: 0 }

function typeOfMysql({ columnType, type, characterSet }: Mysql2Field): RowType {
  const code = columnType ?? type ?? -1
  if (NUMBERS.includes(code)) return 'number'
  if (DECIMALS.includes(code)) return { typeOid: OID.numeric }
  if (DATES.includes(code)) return { typeOid: OID.timestamp, js: 'date', dates: 'local' }
  if (code === JSON_CODE) return 'json'
  if (!TEXTS.includes(code) && !BLOBS.includes(code)) return NO_TYPE
  return characterSet === BINARY_CHARSET ? 'buffer' : 'string'
}
