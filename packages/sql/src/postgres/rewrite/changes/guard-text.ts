import type { UsedColumn } from '@querywarden/policy-core'

/** Types of the server's own that its `=` compares, by OID (src/include/catalog/pg_type.dat). */
const COMPARED: ReadonlyMap<number, string> = new Map([
  [16, 'bool'],
  [17, 'bytea'],
  [19, 'name'],
  [20, 'int8'],
  [21, 'int2'],
  [23, 'int4'],
  [25, 'text'],
  [700, 'float4'],
  [701, 'float8'],
  [869, 'inet'],
  [1042, 'bpchar'],
  [1043, 'varchar'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1184, 'timestamptz'],
  [1186, 'interval'],
  [1266, 'timetz'],
  [1700, 'numeric'],
  [2950, 'uuid'],
  [3802, 'jsonb'],
])

/** json has no `=`, and may be spelled in many ways. */
const JSON_OID = 114

/**
 * How two values of a column's type are compared without a search path having a say in it, as what they are once they are
 * stored: cut, padded or rounded as the type's modifier has it. Types that have one go by keywords.
 */
export function isSameText({ typeOid, typmod, type }: UsedColumn, one: string, other: string): string {
  const compared = typeOid === JSON_OID ? 'jsonb' : COMPARED.get(typeOid)
  const stored = compared !== undefined && typmod >= 0 ? type : `pg_catalog.${compared}`
  const read = (value: string): string =>
    compared === undefined ? `CAST(CAST(${value} AS ${type}) AS pg_catalog.text)` : `CAST(${value} AS ${stored})`
  const same = `${read(one)} OPERATOR(pg_catalog.=) ${read(other)}`
  const unread = typeOid === JSON_OID ? ` WHEN ${asSpelled(one, other)}` : ''
  return `CASE WHEN ${one} IS NULL OR ${other} IS NULL THEN ${one} IS NULL AND ${other} IS NULL${unread} ELSE ${same} END`
}

/** Where jsonb can't hold one of two values of json, NUL characters and numbers beyond all bounds, they are compared as they are spelled. */
function asSpelled(one: string, other: string): string {
  const text = (value: string): string => `CAST(${value} AS pg_catalog.text)`
  const unread = (value: string): string => `${text(value)} OPERATOR(pg_catalog.~) 'u0000|[eE][+]?[0-9]{4}'`
  return `${unread(one)} OR ${unread(other)} THEN ${text(one)} OPERATOR(pg_catalog.=) ${text(other)}`
}

/** The type that a literal or parameter takes where it is assigned to the column, without its modifier where that is known. */
export const assignedType = ({ typeOid, type }: UsedColumn): string => {
  const name = COMPARED.get(typeOid)
  return name === undefined ? type : `pg_catalog.${name}`
}
