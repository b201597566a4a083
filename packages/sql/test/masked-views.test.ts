import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openViewsWorld, seen, type ViewsWorld } from './views-world.ts'

describe.each([15, 18] as const)('views over masked columns, on PostgreSQL %i', major => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(major)
  }, 120_000)
  afterAll(() => world?.stop())

  const sent = (text: string): string => {
    const rewriting = world.rewrite(text)
    if (rewriting.kind === 'impossible') throw new Error(`${text}: ${rewriting.why}`)
    return rewriting.text
  }

  /** The masked database must show what a database of the masks at rest shows (design.md section 6). */
  const alike = async (text: string): Promise<void> => {
    const [found, meant] = [await seen(world.masked, sent(text)), await seen(world.atRest, text)]
    expect(found, text).toEqual(meant)
    expect(found, text).toHaveProperty('rows')
  }

  test.each([
    'v_customers',
    'v_directory',
    'v_labels',
    'v_everyone',
    'v_doc',
    'v_row',
    'v_lateral',
    'v_filtered',
    'v_safe',
    'v_groups',
    'v_distinct',
    'v_first',
    'v_mixed',
    'v_copies',
    'v_joined',
    'v_window',
    'v_barrier',
    'v_barrier_copies',
    'v_invoker',
    'v_chain',
    'v_with',
    'v_only',
    'v_family',
    'v_sample',
    'v_ibans',
    'v_typed',
    'v_using',
    'v_sub',
    '"Odd ""view"""',
    'mv_directory',
    'v_over_stored',
  ])('%s shows what it would show of masked values (6.1)', async view => {
    await alike(`select * from ${view}`)
    await alike(`table ${view}`)
    await alike(`select v, v.*::text from ${view} v`)
    await alike(`select count(*), to_jsonb(x) from ${view} as x group by x order by x`)
  })
})
