import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, SECRETS } from './governed-database.ts'

describe('a governed query, end to end', () => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern()
  })
  afterAll(() => governed.stop())

  test('a driver with an OIDC token reads through masks', async () => {
    const client = await governed.client()
    const { rows } = await client.query('select id, name, email, ssn from customers order by id')
    expect(rows.map(row => row.name)).toEqual(['Ada', 'Grace'])
    for (const secret of SECRETS) expect(JSON.stringify(rows)).not.toContain(secret)
  })

  test('a denial leaves the session usable', async () => {
    const client = await governed.client()
    await expect(client.query('drop table orders')).rejects.toMatchObject({ code: '42501' })
    expect((await client.query('select count(*)::int as n from orders')).rows).toEqual([{ n: 3 }])
  })

  test('prepared statements with parameters', async () => {
    const client = await governed.client()
    for (const id of [1, 2]) {
      const { rows } = await client.query({
        name: 'by-id',
        text: 'select name, ssn from customers where id = $1',
        values: [id],
      })
      expect(rows).toHaveLength(1)
      for (const secret of SECRETS) expect(JSON.stringify(rows)).not.toContain(secret)
    }
  })
})
