import { findSpans } from '@querywarden/masking'
import { type Catalog, DETECTORS, type Detector, relationKey } from '@querywarden/policy-core'
import { baseColumns, type Sampled } from './propose-masks.ts'

/** Runs one query and gives its rows as text. */
export type RunQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>

/** For one table, in milliseconds. */
const STATEMENT_MS_MAX = 5_000
/** Of a value; what a column holds shows at its beginning. */
const VALUE_CHARS_MAX = 2_000

/** What was sampled, by column, and the tables that could not be read. */
export interface Samples {
  readonly of: (relation: { readonly schema: string; readonly name: string }, column: string) => Sampled | null
  readonly unread: readonly string[]
}

/**
 * Looks at a few values of each table that isn't a partition, in a transaction that can only read, with a limit of time for each.
 * Finds are counted; a value is forgotten as soon as it was looked into.
 */
export async function sampleColumns(catalog: Catalog, rowsEach: number, run: RunQuery): Promise<Samples> {
  const find = findSpans(new Set(DETECTORS))
  const counted = new Map<string, Sampled>()
  const unread: string[] = []
  const bases = baseColumns(catalog)
  for (const relation of new Set(bases.map(base => base.relation))) {
    const columns = bases.filter(base => base.relation === relation)
    if ((relation.sources ?? []).some(({ kind }) => kind === 'partitioned table')) continue
    const values = columns.map(
      ({ column }) => `pg_catalog."left"(CAST(${quoted(column.name)} AS pg_catalog.text), ${VALUE_CHARS_MAX})`,
    )
    try {
      await run('BEGIN READ ONLY')
      await run(`SET LOCAL statement_timeout = ${STATEMENT_MS_MAX}`)
      const rows = await run(
        `SELECT ${values.join(', ')} FROM ${quoted(relation.schema)}.${quoted(relation.name)} LIMIT ${rowsEach}`,
      )
      columns.forEach(({ column }, index) => {
        counted.set(
          keyFor(relation, column.name),
          countFinds(
            rows.flatMap(row => row[index] ?? []),
            find,
          ),
        )
      })
    } catch {
      unread.push(`${relation.schema}.${relation.name}`)
    } finally {
      await run('ROLLBACK')
    }
  }
  return { of: (relation, column) => counted.get(keyFor(relation, column)) ?? null, unread }
}

const keyFor = (relation: { readonly schema: string; readonly name: string }, column: string): string =>
  JSON.stringify([relationKey(relation), column])

function countFinds(values: readonly string[], find: ReturnType<typeof findSpans>): Sampled {
  const finds = new Map<Detector, number>()
  for (const value of values)
    for (const detector of new Set(find(value).map(span => span.detector)))
      finds.set(detector, (finds.get(detector) ?? 0) + 1)
  return { values: values.length, finds }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
