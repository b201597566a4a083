import { describe, expect, test } from 'vitest'
import type { Catalog } from './catalog.ts'
import { type CatalogKeeper, keepCatalog } from './keep-catalog.ts'

const catalog = (fingerprint: string): Catalog => ({
  fingerprint,
  major: 18,
  searchPath: [],
  relations: new Map(),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
})

interface Kept {
  readonly keeper: CatalogKeeper
  /** Loads that were started and not settled yet, oldest first. */
  readonly loads: { readonly succeed: (fingerprint: string) => void; readonly fail: () => void }[]
  nowMs: number
}

function kept(): Kept {
  const loads: Kept['loads'] = []
  const load = (): Promise<Catalog> =>
    new Promise((resolve, reject) => {
      loads.push({
        succeed: fingerprint => resolve(catalog(fingerprint)),
        fail: () => reject(new Error('database gone')),
      })
    })
  const world = { nowMs: 0 }
  const keeper = keepCatalog({ load, monotonic: () => world.nowMs, freshMs: 10, ageMsMax: 60 })
  return Object.assign(world, { keeper, loads })
}

/** Lets every promise that can go on go on. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
const fingerprint = (promise: Promise<Catalog>): Promise<string> => promise.then(one => one.fingerprint)

/** A keeper that holds snapshot `old`. */
async function holding(): Promise<Kept> {
  const one = kept()
  const first = one.keeper.current()
  one.loads.shift()!.succeed('old')
  expect(await fingerprint(first)).toBe('old')
  return one
}

describe('F14: a schema that is known to have changed decides nothing', () => {
  test('after a refresh that failed the old snapshot is not used, however young', async () => {
    const { keeper, loads } = await holding()
    const refresh = keeper.refresh()
    loads.shift()!.fail()
    await expect(refresh).rejects.toThrow('database gone')
    const again = keeper.current()
    loads.shift()!.fail()
    await expect(again).rejects.toThrow('database gone')
    const healed = keeper.current()
    loads.shift()!.succeed('new')
    expect(await fingerprint(healed)).toBe('new')
    expect(await fingerprint(keeper.current())).toBe('new')
    expect(loads).toHaveLength(0)
  })

  test('a load that began before the refresh serves nobody who comes after it', async () => {
    const one = await holding()
    one.nowMs = 20
    expect(await fingerprint(one.keeper.current())).toBe('old')
    const refreshes = [one.keeper.refresh(), one.keeper.refresh()]
    const current = one.keeper.current()
    one.loads.shift()!.succeed('read before the change')
    await settle()
    expect(one.loads, 'two refreshes share one load').toHaveLength(1)
    one.loads.shift()!.succeed('new')
    expect(await Promise.all([...refreshes, current].map(fingerprint))).toEqual(['new', 'new', 'new'])
    expect(await fingerprint(one.keeper.current())).toBe('new')
  })

  test('a load before the refresh leaves no snapshot when the refresh fails', async () => {
    const one = await holding()
    one.nowMs = 20
    await one.keeper.current()
    const refresh = one.keeper.refresh()
    one.loads.shift()!.succeed('read before the change')
    await settle()
    one.loads.shift()!.fail()
    await expect(refresh).rejects.toThrow('database gone')
    const current = one.keeper.current()
    one.loads.shift()!.fail()
    await expect(current).rejects.toThrow('database gone')
  })
})

describe('N3: a snapshot grows old', () => {
  test('past its freshness it is used while another is loaded, past its age it is not', async () => {
    const one = await holding()
    one.nowMs = 20
    expect(await fingerprint(one.keeper.current())).toBe('old')
    one.loads.shift()!.fail()
    await settle()
    one.nowMs = 61
    const current = one.keeper.current()
    one.loads.shift()!.succeed('new')
    expect(await fingerprint(current)).toBe('new')
  })
})
