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
  const keeper = keepCatalog({ load, monotonic: () => world.nowMs, freshMs: 10, ageMsMax: 60, probe: null })
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

interface Probed extends Kept {
  /** What the database would say; null: nothing. */
  version: string | null
  /** Comparisons so far. */
  asked: number
}

/** A keeper that holds snapshot `old` of version 1, and compares it every 5 ms. */
async function probing(): Promise<Probed> {
  const loads: Kept['loads'] = []
  const load = (): Promise<Catalog> =>
    new Promise((resolve, reject) => {
      loads.push({
        succeed: fingerprint =>
          resolve({ ...catalog(fingerprint), ...(fingerprint === 'partial' ? { isPartial: true } : {}) }),
        fail: () => reject(new Error('database gone')),
      })
    })
  const world = { nowMs: 0, version: '1' as string | null, asked: 0 }
  const version = async (): Promise<string> => {
    world.asked += 1
    if (world.version === null) throw new Error('connection gone')
    return world.version
  }
  const keeper = keepCatalog({
    load,
    monotonic: () => world.nowMs,
    freshMs: 10,
    ageMsMax: 60,
    probe: { version, everyMs: 5 },
  })
  const one = Object.assign(world, { keeper, loads })
  const first = keeper.current()
  await settle()
  loads.shift()!.succeed('old')
  expect(await fingerprint(first)).toBe('old')
  one.asked = 0
  return one
}

describe('N2, N3: a change made past the gateway is seen before a load is due', () => {
  test('N2: a schema that has moved since the last comparison decides nothing', async () => {
    const one = await probing()
    one.version = '2'
    one.nowMs = 6
    const current = one.keeper.current()
    const fellow = one.keeper.current()
    await settle()
    expect(one.loads, 'who comes meanwhile waits for the same load').toHaveLength(1)
    one.loads.shift()!.succeed('new')
    expect(await Promise.all([current, fellow].map(fingerprint))).toEqual(['new', 'new'])
    expect(await fingerprint(one.keeper.current())).toBe('new')
  })

  test('F14: a schema that has moved and can’t be loaded decides nothing', async () => {
    const one = await probing()
    one.version = '2'
    one.nowMs = 6
    const current = one.keeper.current()
    await settle()
    one.loads.shift()!.fail()
    await expect(current).rejects.toThrow('database gone')
    const again = one.keeper.current()
    await settle()
    one.loads.shift()!.fail()
    await expect(again).rejects.toThrow('database gone')
  })

  test('one that hasn’t moved is loaded again only when it would be too old otherwise', async () => {
    const one = await probing()
    for (one.nowMs = 6; one.nowMs < 60; one.nowMs += 6) expect(await fingerprint(one.keeper.current())).toBe('old')
    expect(one.loads).toHaveLength(0)
    one.nowMs = 62
    expect(await fingerprint(one.keeper.current())).toBe('old')
    expect(one.loads, 'the version doesn’t tell everything').toHaveLength(1)
  })

  test('N3: one from which another session kept a definition is loaded again before long, whatever the version says', async () => {
    const one = await probing()
    one.version = '2'
    one.nowMs = 6
    const moved = one.keeper.current()
    await settle()
    one.loads.shift()!.succeed('partial')
    expect(await fingerprint(moved)).toBe('partial')
    one.nowMs = 18
    expect(await fingerprint(one.keeper.current())).toBe('partial')
    await settle()
    one.loads.shift()!.succeed('whole')
    await settle()
    expect(await fingerprint(one.keeper.current())).toBe('whole')
    for (one.nowMs = 24; one.nowMs < 60; one.nowMs += 6) expect(await fingerprint(one.keeper.current())).toBe('whole')
    expect(one.loads).toHaveLength(0)
  })

  test('it is compared ahead of time while it is in use, so that nobody waits', async () => {
    const one = await probing()
    one.nowMs = 3
    one.version = '2'
    expect(await fingerprint(one.keeper.current())).toBe('old')
    await settle()
    expect(one.asked).toBe(2)
    one.loads.shift()!.succeed('new')
    await settle()
    expect(await fingerprint(one.keeper.current())).toBe('new')
  })

  test('what changed while a load ran shows at the next comparison', async () => {
    const one = await probing()
    const refresh = one.keeper.refresh()
    await settle()
    one.version = '2'
    one.loads.shift()!.succeed('read before the change')
    await refresh
    one.nowMs = 6
    const current = one.keeper.current()
    await settle()
    one.loads.shift()!.succeed('new')
    expect(await fingerprint(current)).toBe('new')
  })

  test('N3: where the probe fails a load is tried; if that fails too, the snapshot serves until it is too old', async () => {
    const one = await probing()
    one.version = null
    one.nowMs = 6
    const current = one.keeper.current()
    await settle()
    one.loads.shift()!.fail()
    expect(await fingerprint(current)).toBe('old')
    one.nowMs = 61
    const late = one.keeper.current()
    await settle()
    one.loads.shift()!.fail()
    await expect(late).rejects.toThrow('database gone')
  })

  test('N3: a probe that fails and a load that works leave a snapshot that is compared again once it can be', async () => {
    const one = await probing()
    one.version = null
    one.nowMs = 6
    const current = one.keeper.current()
    await settle()
    one.loads.shift()!.succeed('new')
    expect(await fingerprint(current)).toBe('new')
    one.version = '2'
    one.nowMs = 17
    expect(await fingerprint(one.keeper.current())).toBe('new')
    await settle()
    one.loads.shift()!.succeed('newer')
    await settle()
    one.version = '3'
    one.nowMs = 23
    const next = one.keeper.current()
    await settle()
    one.loads.shift()!.succeed('newest')
    expect(await fingerprint(next)).toBe('newest')
  })

  test('what doesn’t fit the snapshot has it compared at once, but not for each error that somebody makes', async () => {
    const one = await probing()
    one.nowMs = 0.1
    one.keeper.suspect()
    expect(await fingerprint(one.keeper.current())).toBe('old')
    one.nowMs = 0.6
    expect(await fingerprint(one.keeper.current())).toBe('old')
    expect(one.asked).toBe(1)
    one.nowMs = 1.2
    await one.keeper.current()
    expect(one.asked, 'the suspicion is settled').toBe(1)
  })
})
