import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { queries, type Source } from './arbitrary-queries.ts'
import { openViewsWorld, seen, type ViewsWorld } from './views-world.ts'

const source = (sql: string, ...columns: readonly string[]): Source => ({ sql, name: sql.replace(/.*\./, ''), columns })

const SOURCES: readonly Source[] = [
  source('customers', 'id', 'name', 'ssn', 'email', 'region'),
  source('public.orders', 'id', 'customer_id', 'status', 'note'),
  source('cards', 'id', 'customer_id', 'pan', 'brand'),
  source('hr.people', 'id', 'full_name', 'national_id'),
  source('billing.payments', 'id', 'customer_id', 'paid', 'iban'),
  source('v_customers', 'id', 'name', 'contact', 'tax_ref'),
  source('v_directory', 'ref', 'label', 'code', 'handle'),
  source('v_labels', 'id', 'caption'),
  source('public.v_everyone', 'src', 'id', 'who', 'ident'),
  source('v_barrier', 'id', 'name', 'mail'),
  source('v_filtered', 'id', 'name'),
  source('v_safe', 'id', 'shout', 'region'),
  source('v_groups', 'region', 'n', 'first'),
  source('v_mixed', 'ref', 'code', 'caption', 'status'),
  source('v_row', 'id', 'rec'),
  source('v_with', 'x', 'y'),
  source('mv_directory', 'id', 'name', 'gov_id', 'e'),
]

/** The server gave up, or had no room: nothing can be said of the statement. */
const GAVE_UP: ReadonlySet<unknown> = new Set(['57014', '54001', '53200'])

describe('generated queries over masked tables and views', () => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(17)
    for (const client of [world.masked, world.atRest]) await client.query("set statement_timeout = '1s'")
  }, 120_000)
  afterAll(() => world?.stop())

  test('show what they would show of a database of masked values (6.1, 6.2)', async () => {
    let [compared, errors, masked] = [0, 0, 0]
    await fc.assert(
      fc.asyncProperty(queries(SOURCES, true), async text => {
        const rewriting = world.rewrite(text)
        if (rewriting.kind === 'impossible') expect.fail(`${text}: ${rewriting.why}`)
        const found = await seen(world.masked, rewriting.text)
        const meant = await seen(world.atRest, text)
        const gaveUp = [found, meant].some(each => 'code' in each && GAVE_UP.has(each.code))
        if (gaveUp) return
        compared += 1
        if ('code' in meant) errors += 1
        if (rewriting.text !== text) masked += 1
        expect(found, text).toEqual(meant)
      }),
      { numRuns: Number(process.env['TWIN_RUNS'] ?? 400), seed: Number(process.env['TWIN_SEED'] ?? 20_261) },
    )
    // A test in which all queries fail, or none is masked, would say nothing.
    expect(errors).toBeLessThan(compared / 2)
    expect(masked).toBeGreaterThan(compared / 2)
  }, 240_000)
})
