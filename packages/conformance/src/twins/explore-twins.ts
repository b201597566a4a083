import type { RawConnection } from '../attacks/raw-connection.ts'
import type { Random } from '../differential/random.ts'
import { type Difference, decoded, differenceOf, type Fate, fateOf, type Surroundings } from './compare.ts'
import { SIDES, type Side } from './plan.ts'
import { residualOf } from './residuals.ts'
import { type Answer, connectTo, leavesTraces, runOn, type TwinScript } from './script.ts'
import { shrinkScript } from './shrink-script.ts'
import type { NextScript } from './sources.ts'
import type { TwinWorld } from './twin-world.ts'

/** What became of the statements. */
export interface TwinTally {
  scripts: number
  statements: number
  readonly fates: Record<Fate, number>
  /** Statements whose bytes the client can tell apart, again and again. */
  differing: number
  /** The same rows in another order. */
  reordered: number
  /** Statements that differ from themselves: they say the time, or whatever else is never the same. */
  unsteady: number
  /** Those of a kind that is known to be left, by its name. */
  readonly residual: Map<string, number>
  /** Statements that ran past the gateway too, and how many of them show what the masks hide. */
  bare: number
  bareDiffering: number
}

export const emptyTwinTally = (): TwinTally => ({
  scripts: 0,
  statements: 0,
  fates: { refused: 0, ended: 0, failed: 0, ran: 0 },
  differing: 0,
  reordered: 0,
  unsteady: 0,
  residual: new Map(),
  bare: 0,
  bareDiffering: 0,
})

/** A script that tells the sides apart, as small as it was found. */
export interface TwinFinding {
  readonly plan: string
  readonly difference: Difference
  readonly script: TwinScript
  readonly original: TwinScript
  readonly left: readonly string[]
  readonly right: readonly string[]
}

export interface TwinOptions {
  readonly world: TwinWorld
  readonly next: NextScript
  readonly random: Random
  readonly goesOn: (tally: TwinTally) => boolean
  /** One in so many scripts runs past the gateway too. */
  readonly bareOneIn: number
  readonly onFinding: (finding: TwinFinding) => void
  /** A script over which the gateway ended the session: its second wall has seen what the first let through, maybe. */
  readonly onEnd: (script: TwinScript, said: readonly string[]) => void
  /** Findings beyond so many are counted and not shrunk. */
  readonly toldMax: number
  /** How often a finding is tried with something left out. */
  readonly shrinkAttempts: number
}

type Pair<T> = Readonly<Record<Side, T>>

/** After so many scripts the databases are made anew, whatever was done. */
const RESET_EACH = 400

/** Runs scripts on both sides until it is enough. */
export async function exploreTwins(options: TwinOptions): Promise<TwinTally> {
  const { world, next, goesOn, random, bareOneIn } = options
  const tally = emptyTwinTally()
  const runner = new TwinRunner(world)
  const told = new Set<string>()
  try {
    for (let sinceReset = 0; goesOn(tally); ) {
      const script = next()
      const answers = await runner.run(script)
      tally.scripts += 1
      count(script, answers.left, options, tally)
      const difference = firstDifference(answers, runner.surroundings)
      if (difference !== null) await judge(script, difference, options, runner, tally, told)
      sinceReset += 1
      const isBare = random.oneIn(bareOneIn)
      if (isBare) await runBare(script, runner, tally)
      if (script.isKept || difference !== null || sinceReset >= RESET_EACH) {
        await runner.reset()
        sinceReset = 0
      }
    }
  } finally {
    runner.close()
  }
  return tally
}

function count(script: TwinScript, answers: readonly Answer[], { onEnd }: TwinOptions, tally: TwinTally): void {
  for (const at of script.steps.keys()) {
    const answer = answers[at]
    if (answer === undefined || answer.length === 0) continue
    tally.statements += 1
    const fate = fateOf(answer)
    tally.fates[fate] += 1
    if (fate === 'ended') onEnd(script, decoded(answer))
  }
}

async function runBare(script: TwinScript, runner: TwinRunner, tally: TwinTally): Promise<void> {
  // What is kept would be there when the gateway is next.
  if (script.isKept) return
  const answers = await runner.runBare(script)
  for (const at of script.steps.keys()) {
    const [left = [], right = []] = [answers.left[at], answers.right[at]]
    if (left.length === 0) continue
    tally.bare += 1
    if (differenceOf(left, right, runner.surroundings) !== null) tally.bareDiffering += 1
  }
}

async function judge(
  script: TwinScript,
  difference: Difference,
  { world, onFinding, toldMax, shrinkAttempts }: TwinOptions,
  runner: TwinRunner,
  tally: TwinTally,
  told: Set<string>,
): Promise<void> {
  const again = await runner.lastingDifference(script)
  if (again === null) {
    tally.unsteady += 1
    return
  }
  const residual = residualOf(script)
  if (residual !== null) {
    tally.residual.set(residual.name, (tally.residual.get(residual.name) ?? 0) + 1)
    return
  }
  if (told.size >= toldMax) {
    tally[again === 'order' ? 'reordered' : 'differing'] += 1
    return
  }
  const small = await shrinkScript(script, {
    attemptsMax: shrinkAttempts,
    fails: async candidate =>
      (await runner.differenceAnew(candidate)) === again && (await runner.differenceAnew(candidate)) === again,
  })
  const key = JSON.stringify(small)
  const answers = await runner.runAnew(small)
  if (firstDifference(answers, runner.surroundings) === null) {
    tally.unsteady += 1
    return
  }
  tally[again === 'order' ? 'reordered' : 'differing'] += 1
  if (told.has(key)) return
  told.add(key)
  onFinding({
    plan: world.plan.name,
    difference,
    script: small,
    original: script,
    left: answers.left.flatMap(decoded),
    right: answers.right.flatMap(decoded),
  })
}

/** How a script tells the sides apart, by its worst step. */
export function firstDifference(answers: Pair<readonly Answer[]>, surroundings: Surroundings): Difference | null {
  const found = answers.left.map((left, at) => differenceOf(left, answers.right[at] ?? [], surroundings))
  return found.includes('bytes') ? 'bytes' : found.includes('order') ? 'order' : null
}

/** Sessions on both sides that scripts run in. */
export class TwinRunner {
  readonly surroundings: Surroundings
  readonly #world: TwinWorld
  #governed: Pair<RawConnection> | null = null
  #bare: Pair<RawConnection> | null = null
  #scripts = 0
  #isDirty = false

  constructor(world: TwinWorld) {
    this.#world = world
    this.surroundings = { ports: SIDES.map(side => world.servers[side].port), oidMax: world.oidMax }
  }

  /** Runs a script through the gateway. */
  async run(script: TwinScript): Promise<Pair<readonly Answer[]>> {
    this.#scripts += 1
    const sessions = this.#governed ?? (await this.#connect(side => this.#world.governed(side)))
    this.#governed = sessions
    const answers = await onBoth(sessions, script)
    const isOver = SIDES.some(side => sessions[side].isClosed) || leavesTraces(script) || this.#scripts % 150 === 0
    if (isOver) this.#governed = closed(sessions)
    if (leavesTraces(script)) this.#isDirty = true
    return answers
  }

  /** Runs it past the gateway. */
  async runBare(script: TwinScript): Promise<Pair<readonly Answer[]>> {
    const sessions = this.#bare ?? (await this.#connect(side => this.#world.direct(side)))
    this.#bare = sessions
    const answers = await onBoth(sessions, script)
    if (SIDES.some(side => sessions[side].isClosed) || leavesTraces(script)) this.#bare = closed(sessions)
    if (leavesTraces(script)) this.#isDirty = true
    return answers
  }

  /** Runs it in new sessions, on databases that nothing has changed. */
  async runAnew(script: TwinScript): Promise<Pair<readonly Answer[]>> {
    if (this.#isDirty || script.isKept) await this.reset()
    else this.#governed = closed(this.#governed)
    return this.run(script)
  }

  async differenceAnew(script: TwinScript): Promise<Difference | null> {
    return firstDifference(await this.runAnew(script), this.surroundings)
  }

  /**
   * How a script tells the sides apart whenever it is asked; null where a side differs from itself, or where it was the
   * machine: too busy to answer in time, say.
   */
  async lastingDifference(script: TwinScript): Promise<Difference | null> {
    const runs: Pair<readonly Answer[]>[] = []
    for (let left = 3; left > 0; left--) {
      const run = await this.runAnew(script)
      if (firstDifference(run, this.surroundings) === null) return null
      runs.push(run)
    }
    const [first, ...others] = runs
    if (first === undefined) return null
    const isSteady = others.every(run =>
      SIDES.every(side => firstDifference({ left: first[side], right: run[side] }, this.surroundings) === null),
    )
    return isSteady ? firstDifference(first, this.surroundings) : null
  }

  async reset(): Promise<void> {
    this.close()
    await this.#world.reset()
    this.#isDirty = false
  }

  close(): void {
    this.#governed = closed(this.#governed)
    this.#bare = closed(this.#bare)
  }

  async #connect(login: TwinWorld['governed']): Promise<Pair<RawConnection>> {
    const [left, right] = await Promise.all([connectTo(login('left')), connectTo(login('right'))])
    return { left, right }
  }
}

async function onBoth(sessions: Pair<RawConnection>, script: TwinScript): Promise<Pair<readonly Answer[]>> {
  const [left, right] = await Promise.all([runOn(sessions.left, script), runOn(sessions.right, script)])
  return { left, right }
}

function closed(sessions: Pair<RawConnection> | null): null {
  for (const side of SIDES) sessions?.[side].close()
  return null
}
