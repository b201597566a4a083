import { Client } from 'pg'

/** Where to log in as superuser. */
export interface Login {
  readonly port: number
  readonly password: string
  readonly database: string
}

/** Runs SQL on a connection of its own; gives the rows of the last statement. */
export async function execSql(login: Login, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new Client({ ...login, host: '127.0.0.1', user: 'postgres', ssl: false })
  // A server that is killed under a connection is told by the query, and must not end this process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const results: unknown = await client.query(sql)
    const last: unknown = Array.isArray(results) ? results.at(-1) : results
    return isResult(last) ? last.rows : []
  } finally {
    await client.end()
  }
}

const isResult = (value: unknown): value is { rows: Record<string, unknown>[] } =>
  typeof value === 'object' && value !== null && 'rows' in value && Array.isArray(value.rows)
