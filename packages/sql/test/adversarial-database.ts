import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { Client } from 'pg'
import { loadCatalog } from '../src/postgres/catalog/load-catalog.ts'
import { corpusSchema } from './attack-corpus.ts'

/** The corpus's database on a server of its own, with what `setup` adds to it. */
export async function openAdversarialDatabase(
  setup: readonly string[],
  major: 15 | 18 = 15,
): Promise<{ readonly server: PostgresServer; readonly catalog: Catalog }> {
  const server = await startPostgres({ major, database: 'adv' })
  await server.exec(await corpusSchema())
  for (const sql of setup) await server.exec(sql)
  return { server, catalog: await catalogOf(server) }
}

/** The catalog of a database as it is now. */
export async function catalogOf(server: PostgresServer): Promise<Catalog> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
  const catalog = await loadCatalog(query, { searchPath: ['public'] })
  await client.end()
  return catalog
}
