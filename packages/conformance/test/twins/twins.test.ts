import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/differential/random.ts'
import { exploreTwins, type TwinFinding, type TwinTally } from '../../src/twins/explore-twins.ts'
import { generatePlan } from '../../src/twins/generate-plan.ts'
import type { TwinPlan } from '../../src/twins/plan.ts'
import { shopPlan } from '../../src/twins/shop-plan.ts'
import { openSources, type TwinSource } from '../../src/twins/sources.ts'
import { twinTallyLine } from '../../src/twins/tally-line.ts'
import { openTwins, type Servers, startTwinServers } from '../../src/twins/twin-world.ts'

const SEED = 20_261
/** Enough to see the shape of a finding; the long run makes them smaller. */
const SHRINK_ATTEMPTS = 15

let servers: Servers
beforeEach(async () => {
  servers = await startTwinServers(18)
}, 120_000)
afterEach(async () => {
  await servers?.left.stop()
  await servers?.right.stop()
})

interface Slice {
  readonly plan: TwinPlan
  readonly scripts: number
  readonly sources?: readonly TwinSource[]
  readonly fault?: (policy: string) => string
  readonly untilFound?: boolean
}

async function explored({ plan, scripts, sources, fault, untilFound = false }: Slice): Promise<{
  readonly tally: TwinTally
  readonly findings: readonly TwinFinding[]
  readonly ended: readonly string[]
}> {
  const world = await openTwins(plan, servers, fault)
  try {
    const random = seededRandom(SEED)
    const findings: TwinFinding[] = []
    const ended: string[] = []
    const next = await openSources(world, random, sources)
    const startedAt = performance.now()
    const tally = await exploreTwins({
      world,
      random,
      next,
      goesOn: ({ scripts: done }) => done < scripts && !(untilFound && findings.length > 0),
      shrinkAttempts: SHRINK_ATTEMPTS,
      bareOneIn: 3,
      toldMax: untilFound ? 1 : 10,
      onFinding: finding => findings.push(finding),
      onEnd: (script, said) => ended.push(`${JSON.stringify(script)} ${said.join(' ')}`),
    })
    process.stdout.write(`${twinTallyLine(plan.name, tally, (performance.now() - startedAt) / 1000)}\n`)
    return { tally, findings, ended }
  } finally {
    await world.stop()
  }
}

describe('two databases that differ only under the masks give the client the same bytes', () => {
  const plans: [string, () => Promise<TwinPlan>][] = [
    ['the shop of the corpora', shopPlan],
    ['a generated schema', async () => generatePlan(SEED)],
  ]
  test.each(plans)('%s', { timeout: 120_000 }, async (_, plan) => {
    const { tally, findings } = await explored({ plan: await plan(), scripts: 150 })
    expect(findings).toEqual([])
    expect(tally.differing).toBe(0)
    // What runs must be enough, and past the gateway the sides must be told apart: else the test couldn't fail.
    expect(tally.fates.ran).toBeGreaterThan(20)
    expect(tally.bareDiffering).toBeGreaterThan(2)
  })
})

describe('a fault of the masks is found within seconds', () => {
  const faults: [string, (policy: string) => string][] = [
    ['no mask at all', policy => policy.replace(/masks:[\s\S]*$/, '')],
    ['one mask left out of twenty', policy => policy.replace(/^ *- \{ columns: \[public\.customers\.email\].*$/m, '')],
    ['a mask that shows too much', policy => policy.replace('{ first: 0, last: 4 }', '{ first: 0, last: 9 }')],
  ]
  test.each(faults)('%s', { timeout: 120_000 }, async (_, fault) => {
    const { findings } = await explored({
      plan: await shopPlan(),
      scripts: 3_000,
      sources: ['aimed'],
      fault,
      untilFound: true,
    })
    expect(findings).toHaveLength(1)
    expect(findings[0]?.left).not.toEqual(findings[0]?.right)
  })
})
