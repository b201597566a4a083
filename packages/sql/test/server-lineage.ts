import type { Client } from 'pg'

/** A column as the server names it. */
export interface ServerColumn {
  readonly schema: string
  readonly name: string
  readonly column: string
}

/** A column of a result, with where the server says that it comes from. */
export interface ServerOutput {
  readonly name: string
  readonly origin: ServerColumn | null
}

/** What the server knows of a query's names. */
export interface ServerLineage {
  /** Every column that its own dependency record names, but for those of its own catalog, which it leaves out. */
  readonly columns: readonly ServerColumn[]
  readonly outputs: readonly ServerOutput[]
}

const DEPENDENCIES = `
select distinct n.nspname::text, c.relname::text, a.attname::text
  from pg_depend d
  join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
  join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid and c.oid <> r.ev_class
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid and d.refobjsubid <> 0
 where r.ev_class = 'pg_temp.z'::regclass and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')`

const ATTRIBUTE = `
select n.nspname::text, c.relname::text, a.attname::text
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where a.attrelid = $1 and a.attnum = $2`

/**
 * Asks the server which columns a query uses: it makes a view of it in a transaction that is rolled back, and reads what
 * that view depends on. Null for what the server refuses, or refuses as a view.
 */
export async function serverLineage(client: Client, query: string): Promise<ServerLineage | null> {
  await client.query('begin')
  try {
    const described = await client.query({ text: `select * from (${query}\n) z limit 0`, rowMode: 'array' })
    const outputs: ServerOutput[] = []
    for (const { name, tableID, columnID } of described.fields) {
      const { rows } = await client.query({ text: ATTRIBUTE, values: [tableID, columnID], rowMode: 'array' })
      outputs.push({ name, origin: columnID === 0 ? null : columnFrom(rows[0]) })
    }
    const names = outputs.map((_, index) => `c${index}`).join(', ')
    await client.query(`create temporary view z (${names}) as ${query}`)
    const depended = await client.query({ text: DEPENDENCIES, rowMode: 'array' })
    return { columns: depended.rows.flatMap(row => columnFrom(row) ?? []), outputs }
  } catch {
    return null
  } finally {
    await client.query('rollback')
  }
}

function columnFrom(row: readonly unknown[] | undefined): ServerColumn | null {
  const [schema, name, column] = row ?? []
  return typeof schema === 'string' && typeof name === 'string' && typeof column === 'string'
    ? { schema, name, column }
    : null
}
