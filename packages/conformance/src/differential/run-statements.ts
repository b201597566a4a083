import { copyDone, rawMessage } from '../attacks/frontend-message.ts'
import { isPlainRead, type Read } from './facts-of.ts'
import { rawMessages } from './frames.ts'
import { LinkLost, type Reply } from './link.ts'
import { ORACLES, readObservation } from './observe.ts'
import type { Dependency, Outcome } from './trial.ts'
import type { World } from './world.ts'

/** A statement to run. */
export interface Errand extends Read {
  /** Whether to ask for the dependency record too. */
  readonly wantsDepends: boolean
}

/** Longer than any statement may take by the server's own limits. */
const HANG_MS = 5_000
/** What these do outlasts a rollback, and takes the oracles away or locks what comes next. */
const UNTRIED = new Set([
  'PREPARE TRANSACTION',
  'COMMIT PREPARED',
  'ROLLBACK PREPARED',
  'DISCARD ALL',
  'DISCARD',
  'DEALLOCATE',
  'DEALLOCATE ALL',
])
/** What a function's body, and so the dependency record, can hold. */
const RECORDED = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'])

const untried = (why: string): Outcome => ({ kind: 'untried', why })

/**
 * Runs statements and observes what each does. What is classified as nothing but reading runs on its own and is kept, so
 * that whatever it moves stays seen; all else in a transaction that is rolled back.
 */
export async function runStatements(world: World, errands: readonly Errand[]): Promise<readonly Outcome[]> {
  const outcomes = errands.map((): Outcome => untried('not for this server'))
  const order = errands.map((errand, index) => ({ errand, index }))
  const able = order.filter(({ errand: { facts } }) => facts.kind === 'understood' && !UNTRIED.has(facts.tag))
  const reads = able.filter(({ errand }) => isPlainRead(errand.facts))
  const others = able.filter(({ errand }) => !isPlainRead(errand.facts))
  const keep = (some: typeof able, found: readonly Outcome[]): void =>
    some.forEach(({ index }, at) => {
      outcomes[index] = found[at] ?? untried('no answer')
    })
  keep(
    reads,
    await runReads(
      world,
      reads.map(({ errand }) => errand),
    ),
  )
  keep(
    others,
    await runOthers(
      world,
      others.map(({ errand }) => errand),
    ),
  )
  await addDependencies(world, errands, outcomes)
  return outcomes
}

async function runReads(world: World, errands: readonly Errand[]): Promise<readonly Outcome[]> {
  if (errands.length === 0) return []
  try {
    const { before, replies, after } = await between(world, errands.map(group), 1)
    const outcomes = replies.map(reply => outcomeOf(reply, world))
    const hasMoved = after !== before
    const isWritten = outcomes.some(outcome => outcome.kind === 'ran' && outcome.observed.hasXid)
    if (hasMoved || isWritten) await world.reset()
    // A transaction id that was given out explains what has moved.
    if (!hasMoved || isWritten) return outcomes
    if (errands.length === 1)
      return outcomes.map(outcome => (outcome.kind === 'ran' ? { ...outcome, hasMovedSession: true } : outcome))
    return await halves(errands, half => runReads(world, half))
  } catch (error) {
    if (!(error instanceof LinkLost)) throw error
    await world.reset()
    return errands.length === 1 ? [untried(error.message)] : halves(errands, half => runReads(world, half))
  }
}

async function runOthers(world: World, errands: readonly Errand[]): Promise<readonly Outcome[]> {
  if (errands.length === 0) return []
  try {
    const { before, replies, after } = await between(
      world,
      errands.map(one => inTransaction(group(one))),
      3,
    )
    const outcomes = errands.map((_, index) => outcomeOf(replies[index * 3 + 1], world))
    // Sequences move on; anything else that is left would be in the way of what comes next.
    if (withoutXmax(after) !== withoutXmax(before)) await world.reconnect()
    return outcomes
  } catch (error) {
    if (!(error instanceof LinkLost)) throw error
    await world.reconnect()
    return errands.length === 1 ? [untried(error.message)] : halves(errands, half => runOthers(world, half))
  }
}

async function halves<Item>(
  errands: readonly Errand[],
  run: (half: readonly Errand[]) => Promise<readonly Item[]>,
): Promise<readonly Item[]> {
  const middle = Math.ceil(errands.length / 2)
  return [...(await run(errands.slice(0, middle))), ...(await run(errands.slice(middle)))]
}

/** Settings and sequences take as long to look at as ten statements: only what may change them is looked at so closely. */
const MAY_SET = /set|conf|role|author|transaction|isolation|seq|nextval|call|\bdo\b/i

/** Parse to Execute of a statement, with an oracle behind it in the same implicit transaction. */
function group(errand: Read): Buffer {
  const oracle = MAY_SET.test(errand.text) ? 'full' : 'light'
  const { text, facts } = errand
  const values = Array.from({ length: parametersIn(text) }, () => null)
  const copyIn = facts.kind === 'understood' && facts.copy === 'in' ? [copyDone()] : []
  return Buffer.concat([
    rawMessages([
      ['P', '', text],
      ['B', '', '', values],
      ['D', 'P', ''],
      ['E', '', 0],
    ]),
    ...copyIn,
    rawMessages([['B', '', ORACLES[oracle]], ['E', '', 0], ['S']]),
  ])
}

// The counters of tables are kept until they are reported: asking for it in each transaction keeps them apart.
const BEGIN = rawMessage(['Q', 'BEGIN; SELECT pg_stat_force_next_flush()'])
const ROLLBACK = rawMessage(['Q', 'ROLLBACK'])
const inTransaction = (bytes: Buffer): Buffer => Buffer.concat([BEGIN, bytes, ROLLBACK])

const parametersIn = (text: string): number =>
  Math.min(100, Math.max(0, ...[...text.matchAll(/\$(\d{1,2})(?![\d$])/g)].map(([, digits]) => Number(digits))))

async function watched(world: World, bytes: Buffer, ready: number): Promise<readonly Reply[]> {
  const timer = setTimeout(() => void world.interrupt().catch(() => undefined), HANG_MS + ready * 5)
  try {
    return await world.link.send(bytes, ready)
  } finally {
    clearTimeout(timer)
  }
}

/** Sends groups of so many ReadyForQuery each, and looks at what a session keeps before and behind them. */
async function between(
  world: World,
  groups: readonly Buffer[],
  ready: number,
): Promise<{ readonly before: string; readonly replies: readonly Reply[]; readonly after: string }> {
  const all = await watched(world, Buffer.concat([SESSION, ...groups, SESSION]), groups.length * ready + 2)
  const state = (reply: Reply | undefined): string => reply?.lastRow?.[0] ?? ''
  return { before: state(all[0]), replies: all.slice(1, -1), after: state(all.at(-1)) }
}

const SESSION = rawMessages([['B', '', ORACLES.session], ['E', '', 0], ['S']])

const withoutXmax = (state: string): string => state.slice(0, state.lastIndexOf(' '))

function outcomeOf(reply: Reply | undefined, world: World): Outcome {
  if (reply === undefined) return untried('no answer')
  const { error, tags, columns, lastRow } = reply
  if (error !== null)
    return { kind: 'failed', ...error, isMany: error.message.startsWith('cannot insert multiple commands') }
  if (tags.length !== 2 || lastRow === null) return untried(`tags ${tags.join(', ')}`)
  return {
    kind: 'ran',
    tag: (tags[0] ?? '').replace(/( \d+)+$/, ''),
    columns,
    observed: readObservation(lastRow, world.map),
    depends: null,
    hasMovedSession: false,
  }
}

async function addDependencies(world: World, errands: readonly Errand[], outcomes: Outcome[]): Promise<void> {
  const asked = errands.flatMap(({ wantsDepends, facts, text }, index) => {
    const isHeld = facts.kind === 'understood' && RECORDED.has(facts.tag) && parametersIn(text) === 0
    return wantsDepends && isHeld && outcomes[index]?.kind === 'ran' ? [{ text, index }] : []
  })
  if (asked.length === 0) return
  const body = (text: string): string =>
    `CREATE FUNCTION public.querywarden_probe() RETURNS void LANGUAGE sql BEGIN ATOMIC ${text}; END`
  const bytes = asked.map(({ text }) =>
    inTransaction(
      rawMessages([
        ['P', '', body(text)],
        ['B', '', ''],
        ['E', '', 0],
        ['B', '', ORACLES.depends],
        ['E', '', 0],
        ['S'],
      ]),
    ),
  )
  const replies = await watched(world, Buffer.concat(bytes), asked.length * 3)
  for (const [at, { index }] of asked.entries()) {
    const reply = replies[at * 3 + 1]
    const outcome = outcomes[index]
    if (outcome?.kind !== 'ran' || reply === undefined || reply.error !== null || reply.tags.length !== 2) continue
    outcomes[index] = { ...outcome, depends: (reply.lastRow?.[0]?.split(',') ?? []).flatMap(dependencyOf) }
  }
}

/** OIDs of pg_class and pg_proc, the same on every server. */
const PG_CLASS = 1259
const PG_PROC = 1255

function dependencyOf(text: string): readonly Dependency[] {
  const [kind = 0, object = 0, part = 0] = text.split(':').map(Number)
  if (kind === PG_PROC) return [{ kind: 'routine', routine: object }]
  if (kind !== PG_CLASS) return []
  return [part > 0 ? { kind: 'column', relation: object, attnum: part } : { kind: 'relation', relation: object }]
}
