import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { Client } from 'pg'
import { loadCatalog } from '../src/postgres/catalog/load-catalog.ts'
import { corpusSchema } from './attack-corpus.ts'

/**
 * Operators whose code is no part of the server or of an extension in C. The extensions of the corpus define `=` for
 * types of theirs, so counting theirs would leave hardly a statement known.
 */
const RISKY_OPERATORS = `
select distinct o.oprname
from pg_operator o join pg_proc p on p.oid = o.oprcode join pg_language l on l.oid = p.prolang
where o.oid >= 16384
  and not (l.lanname in ('c', 'internal') and p.provolatile <> 'v'
           and exists (select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid
                                                 and d.deptype = 'e'))`

/** The corpus's database on a server of its own, with what `setup` adds to it. */
export async function openAdversarialDatabase(
  setup: readonly string[],
): Promise<{ readonly server: PostgresServer; readonly catalog: Catalog }> {
  const server = await startPostgres({ major: 15, database: 'adv' })
  await server.exec(await corpusSchema())
  for (const sql of setup) await server.exec(sql)
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
  const catalog = await loadCatalog(query, { searchPath: ['public'] })
  const operators = await query(RISKY_OPERATORS)
  await client.end()
  return { server, catalog: { ...catalog, userOperators: new Set(operators.map(([name]) => String(name))) } }
}
