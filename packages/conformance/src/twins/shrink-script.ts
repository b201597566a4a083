import { shrink } from '../differential/shrink.ts'
import type { TwinScript } from './script.ts'

interface ShrinkOptions {
  readonly fails: (script: TwinScript) => Promise<boolean>
  readonly attemptsMax: number
}

/** The smallest script found that still fails: steps are left out, then tokens of each, and protocols made simple. */
export async function shrinkScript(script: TwinScript, { fails, attemptsMax }: ShrinkOptions): Promise<TwinScript> {
  let small = script
  for (let at = small.steps.length - 1; at >= 0 && small.steps.length > 1; at--) {
    const without = { ...small, steps: small.steps.filter((_, index) => index !== at) }
    if (await fails(without)) small = without
  }
  for (const at of small.steps.keys()) {
    const simple = withStep(small, at, { mode: 'simple' })
    if (small.steps[at]?.params === undefined && (await fails(simple))) small = simple
    const from = small
    const text = await shrink(from.steps[at]?.sql ?? '', {
      attemptsMax: Math.floor(attemptsMax / small.steps.length),
      fails: sql => fails(withStep(from, at, { sql })),
    })
    small = withStep(from, at, { sql: text })
  }
  return small
}

function withStep(script: TwinScript, at: number, change: Partial<TwinScript['steps'][number]>): TwinScript {
  return { ...script, steps: script.steps.map((step, index) => (index === at ? { ...step, ...change } : step)) }
}
