import { SqlError } from '../sql-error.ts'
import * as code from './code-queries.ts'
import * as columns from './column-queries.ts'
import * as queries from './queries.ts'
import * as reactions from './reaction-queries.ts'
import { readTexts } from './texts.ts'
import { textsWanted } from './texts-wanted.ts'

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
  readonly viewOptions: readonly Row[]
  readonly rowComparisons: readonly Row[]
  readonly columnDefaults: readonly Row[]
  readonly primaryKeys: readonly Row[]
  readonly taggedColumns: readonly Row[]
  readonly columnTypes: readonly Row[]
  readonly typedTables: readonly Row[]
  readonly foreignColumns: readonly Row[]
  readonly routines: readonly Row[]
  readonly aggregates: readonly Row[]
  readonly operators: readonly Row[]
  readonly types: readonly Row[]
  readonly typeRoutines: readonly Row[]
  readonly expressions: readonly Row[]
  readonly triggers: readonly Row[]
  readonly rules: readonly Row[]
  readonly cascades: readonly Row[]
  readonly identities: readonly Row[]
  readonly comparisons: readonly Row[]
  readonly classRoutines: readonly Row[]
  readonly eventTriggers: readonly Row[]
  readonly viewTargets: readonly Row[]
  readonly vectors: readonly Row[]
  readonly jsonCasts: readonly Row[]
  readonly pureMembers: readonly Row[]
  readonly definitions: readonly Row[]
  /** Kind, number and text of what the server deparsed; empty where it couldn't be had. */
  readonly texts: readonly Row[]
  /** Some of them couldn't be had, since another session was at work on what they are about. */
  readonly isPartial: boolean
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
    const tables = { ...(await readAll(query)), texts: [], isPartial: false }
    const { rows, isPartial } = await readTexts(query, textsWanted(tables))
    const snapshot = { ...tables, texts: rows, isPartial }
    await query('COMMIT')
    return snapshot
  } catch (error) {
    // The first error is the one to tell; a connection that can't even roll back is of no use to its owner anyway.
    await query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function readAll(query: Query): Promise<Omit<Snapshot, 'texts' | 'isPartial'>> {
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
    viewOptions: await read(columns.VIEW_OPTIONS),
    rowComparisons: await read(columns.ROW_COMPARISONS),
    columnDefaults: await read(columns.COLUMN_DEFAULTS),
    primaryKeys: await read(columns.PRIMARY_KEYS),
    taggedColumns: await read(columns.TAGGED_COLUMNS),
    columnTypes: await read(columns.COLUMN_TYPES),
    typedTables: await read(columns.TYPED_TABLES),
    foreignColumns: await read(columns.FOREIGN_COLUMNS),
    routines: await read(code.ROUTINES),
    aggregates: await read(code.AGGREGATES),
    operators: await read(code.OPERATORS),
    types: await read(code.TYPES),
    typeRoutines: await read(code.TYPE_ROUTINES),
    expressions: await read(reactions.EXPRESSIONS),
    triggers: await read(reactions.TRIGGERS),
    rules: await read(reactions.RULES),
    cascades: await read(reactions.CASCADES),
    identities: await read(reactions.IDENTITIES),
    comparisons: await read(reactions.COMPARISONS),
    classRoutines: await read(reactions.CLASS_ROUTINES),
    eventTriggers: await read(reactions.EVENT_TRIGGERS),
    viewTargets: await read(reactions.VIEW_TARGETS),
    vectors: await read(reactions.VECTORS),
    jsonCasts: await read(code.JSON_CASTS),
    pureMembers: await read(code.PURE_MEMBERS),
    definitions: await read(queries.DEFINITIONS),
  }
}

function withoutNulls(row: readonly (string | null)[]): Row {
  return row.map(value => {
    if (value === null) throw new SqlError('MALFORMED_CATALOG', 'a system table gave a null where a value is expected')
    return value
  })
}
