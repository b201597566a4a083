/**
 * The array types whose elements masks can write, with the types of these (src/include/catalog/pg_type.dat, fixed for
 * ever).
 */
const ELEMENT_OIDS: ReadonlyMap<number, number> = new Map([
  [143, 142], // xml
  [199, 114], // json
  [1000, 16], // bool
  [1001, 17], // bytea
  [1003, 19], // name
  [1005, 21], // int2
  [1007, 23], // int4
  [1009, 25], // text
  [1014, 1042], // bpchar
  [1015, 1043], // varchar
  [1016, 20], // int8
  [1021, 700], // float4
  [1022, 701], // float8
  [1041, 869], // inet
  [1115, 1114], // timestamp
  [1182, 1082], // date
  [1183, 1083], // time
  [1185, 1184], // timestamptz
  [1231, 1700], // numeric
  [2951, 2950], // uuid
  [3807, 3802], // jsonb
])

/** The OID of an array type's elements, or null where it is no array type, or one of elements that masks can't write. */
export const elementOid = (typeOid: number): number | null => ELEMENT_OIDS.get(typeOid) ?? null
