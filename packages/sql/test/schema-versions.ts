import type { PostgresServer } from '@querywarden/dev-servers'
import { Client } from 'pg'
import { schemaVersion } from '../src/postgres/catalog/version.ts'

/** Hands over what asks a server for the version of its schema. */
export async function withVersion<T>(
  server: PostgresServer,
  use: (version: () => Promise<string>) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
  return use(async () => (await schemaVersion(query, null)).text).finally(() => client.end())
}
