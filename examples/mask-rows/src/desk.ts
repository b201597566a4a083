import { maskPlan, maskRows, type RowPlan } from '@querywarden/masking'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import Cursor from 'pg-cursor'

export interface Customer {
  readonly id: number
  readonly name: string
  readonly ssn: string | null
  readonly born: Date
  readonly contact: { readonly email: string; readonly phone: string }
  readonly note: string
}

/** What the desk may see of customers. */
export const deskPlan = (hashKey: Uint8Array): RowPlan =>
  maskPlan({
    columns: {
      ssn: { mask: { kind: 'partial', first: 0, last: 4, fill: '*' }, type: 'string' },
      born: { mask: { kind: 'date-trunc', unit: 'year' }, type: 'date' },
      'contact.email': { mask: { kind: 'email' }, type: 'string' },
    },
    safe: ['id', 'name', 'note'],
    others: 'null',
    detect: [{ detector: 'credit-card', mask: { kind: 'redact' } }],
    hashKey: () => hashKey,
  })

/** The customers of a page. */
export async function customers(db: Kysely<{ customer: Customer }>, plan: RowPlan): Promise<unknown> {
  return maskRows(await db.selectFrom('customer').selectAll().orderBy('id').execute(), plan)
}

/** All customers, a line of JSON each. */
export async function* exported(pool: Pool, plan: RowPlan): AsyncGenerator<string> {
  for await (const row of maskRows(read(pool), plan)) yield `${JSON.stringify(row)}\n`
}

async function* read(pool: Pool): AsyncGenerator<Customer> {
  const client = await pool.connect()
  try {
    const cursor = client.query(new Cursor<Customer>('select * from customer order by id'))
    for (let rows = await cursor.read(100); rows.length > 0; rows = await cursor.read(100)) yield* rows
  } finally {
    client.release()
  }
}
