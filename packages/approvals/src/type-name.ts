// From the server's src/include/catalog/pg_type.dat; object ids below 10000 never change between major versions.
const BUILT_IN: ReadonlyMap<number, string> = new Map([
  [16, 'boolean'],
  [17, 'bytea'],
  [20, 'bigint'],
  [21, 'smallint'],
  [23, 'integer'],
  [25, 'text'],
  [114, 'json'],
  [700, 'real'],
  [701, 'double precision'],
  [1042, 'character'],
  [1043, 'character varying'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1184, 'timestamp with time zone'],
  [1186, 'interval'],
  [1700, 'numeric'],
  [2950, 'uuid'],
  [3802, 'jsonb'],
  [1005, 'smallint[]'],
  [1007, 'integer[]'],
  [1009, 'text[]'],
  [1015, 'character varying[]'],
  [1016, 'bigint[]'],
  [2951, 'uuid[]'],
])

/** A parameter's type for a person: its name where it is built in and common, else its object id. */
export const typeName = (oid: number): string =>
  oid === 0 ? 'type left to the server' : (BUILT_IN.get(oid) ?? `type ${oid}`)
