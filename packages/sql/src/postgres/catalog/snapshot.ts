import { SqlError } from '../sql-error.ts'
import * as queries from './queries.ts'

/** Runs one statement and gives its rows as text. All calls must reach the same connection, in order. */
export type Query = (sql: string) => Promise<readonly (readonly (string | null)[])[]>

type Row = readonly string[]

/** The system tables that a catalog is made from, as one transaction saw them. The columns are those of queries.ts. */
export interface Snapshot {
  readonly major: number
  readonly version: string
  readonly relations: readonly Row[]
  readonly columns: readonly Row[]
  readonly inheritance: readonly Row[]
  readonly foreignKeys: readonly Row[]
  readonly generated: readonly Row[]
  readonly viewReads: readonly Row[]
  readonly wholeRowViews: readonly Row[]
  readonly viewSystemReads: readonly Row[]
  readonly viewFunctions: readonly Row[]
  readonly viewUserCode: readonly Row[]
  readonly viewTypes: readonly Row[]
  readonly otherRules: readonly Row[]
  readonly functions: readonly Row[]
  readonly operators: readonly Row[]
  readonly types: readonly Row[]
  readonly definitions: readonly Row[]
}

/** The server majors that there is a grammar for. */
const MAJOR_MIN = 15
const MAJOR_MAX = 18

/** Reads everything in one read-only snapshot, and leaves the connection as it was. */
export async function takeSnapshot(query: Query): Promise<Snapshot> {
  await query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    // Without pg_temp at the end it would be first, and a session's own relations would stand in for the server's.
    await query('SET LOCAL search_path = pg_catalog, pg_temp')
    const snapshot = await readAll(query)
    await query('COMMIT')
    return snapshot
  } catch (error) {
    // The first error is the one to tell; a connection that can't even roll back is of no use to its owner anyway.
    await query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function readAll(query: Query): Promise<Snapshot> {
  const read = async (sql: string): Promise<readonly Row[]> => (await query(sql)).map(withoutNulls)
  const [server] = await read(queries.SERVER)
  const major = Math.floor(Number(server?.[0]) / 10_000)
  if (!(major >= MAJOR_MIN && major <= MAJOR_MAX)) {
    throw new SqlError(
      'UNSUPPORTED_SERVER',
      `server major ${major} is not supported, expected ${MAJOR_MIN} to ${MAJOR_MAX}`,
    )
  }
  return {
    major,
    version: server?.[1] ?? '',
    relations: await read(queries.RELATIONS),
    columns: await read(queries.COLUMNS),
    inheritance: await read(queries.INHERITANCE),
    foreignKeys: await read(queries.FOREIGN_KEYS),
    generated: await read(queries.GENERATED),
    viewReads: await read(queries.VIEW_READS),
    wholeRowViews: await read(queries.WHOLE_ROW_VIEWS),
    viewSystemReads: await read(queries.VIEW_SYSTEM_READS),
    viewFunctions: await read(queries.VIEW_FUNCTIONS),
    viewUserCode: await read(queries.VIEW_USER_CODE),
    viewTypes: await read(queries.VIEW_TYPES),
    otherRules: await read(queries.OTHER_RULES),
    functions: await read(queries.FUNCTIONS),
    operators: await read(queries.OPERATORS),
    types: await read(queries.TYPES),
    definitions: await read(queries.DEFINITIONS),
  }
}

function withoutNulls(row: readonly (string | null)[]): Row {
  return row.map(value => {
    if (value === null) throw new SqlError('MALFORMED_CATALOG', 'a system table gave a null where a value is expected')
    return value
  })
}
