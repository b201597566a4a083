import { Pool, type PoolConfig } from 'pg'
import type { Route } from './governed-server.ts'

/** A pool of pg on a route, and when its connections are closed: `pool.end` resolves while they still say goodbye. */
export function openPool(
  { host, port, user, password, database }: Route,
  more: PoolConfig,
): { readonly pool: Pool; readonly closed: () => Promise<unknown> } {
  const pool = new Pool({ host, port, user, password, database, ...more })
  const ends: Promise<void>[] = []
  pool.on('connect', client => {
    ends.push(new Promise(resolve => client.once('end', resolve)))
  })
  return { pool, closed: () => Promise.all(ends) }
}
