import { setImmediate } from 'node:timers/promises'
import type { PostgresClassifier } from '@querywarden/sql/postgres'
import { isUnknown, readText } from './facts-of.ts'
import { rawMessages } from './frames.ts'
import { type Breach, breachesOf, type Law } from './laws.ts'
import { LinkLost } from './link.ts'
import { type Errand, runStatements } from './run-statements.ts'
import { shrink } from './shrink.ts'
import type { NextText } from './sources/draw-texts.ts'
import type { CorpusText } from './sources/texts.ts'
import { emptyTally, type Tally } from './tally.ts'
import type { Outcome } from './trial.ts'
import type { World } from './world.ts'

/** A law broken, with the smallest statement that was found to break it. */
export interface Finding extends Breach {
  readonly world: string
  readonly major: number
  readonly text: string
  readonly original: string
}

export interface ExploreOptions {
  readonly world: World
  readonly classifier: PostgresClassifier
  readonly next: NextText
  /** Whether to go on; asked before each batch. */
  readonly goesOn: (tally: Tally) => boolean
  /** One in so many statements is looked up in the dependency record. */
  readonly recordOneIn: number
  /** So many findings of a law are shrunk and told of; the others count. */
  readonly toldPerLaw: number
  readonly onFinding: (finding: Finding) => void
  /** A text that the classifier alone refuses, or a SELECT that it takes for anything. */
  readonly onStrict: (text: string, why: string) => void
}

const BATCH = 400
const SHRINK_ATTEMPTS = 300
/** So many texts are classified at a time while the server runs others: in between, its answers are taken. */
const SLICE = 20

/** A text whose statements aren't the text itself, with how many the classifier sees; null where it refuses it. */
interface Doubtful {
  readonly text: CorpusText
  readonly count: number | null
}

/** Texts that were classified, ready to run. */
interface Batch {
  readonly errands: readonly Errand[]
  readonly doubtful: readonly Doubtful[]
}

/** Runs texts until there are no more, or it's enough. While the server runs a batch, the next one is classified. */
export async function explore(options: ExploreOptions): Promise<Tally> {
  const tally = emptyTally()
  const told = new Map<string, number>()
  let batch = await readBatch(options, tally)
  while (batch !== null) {
    const [next] = await Promise.all([
      options.goesOn(tally) ? readBatch(options, tally) : null,
      runBatch(batch, options, tally, told),
    ])
    batch = next
  }
  return tally
}

async function readBatch(options: ExploreOptions, tally: Tally): Promise<Batch | null> {
  const errands: Errand[] = []
  const doubtful: Doubtful[] = []
  for (let read = 0; read < BATCH; read++) {
    const text = options.next()
    if (text === null) return read === 0 ? null : { errands, doubtful }
    readInto(errands, doubtful, text, options, tally)
    if (read % SLICE === 0) await setImmediate()
  }
  return { errands, doubtful }
}

function readInto(
  errands: Errand[],
  doubtful: Doubtful[],
  text: CorpusText,
  options: ExploreOptions,
  tally: Tally,
): void {
  const { world, classifier } = options
  tally.texts += 1
  const reading = readText(text.sql, classifier, world.catalog)
  if (reading.kind === 'crashed') {
    tally.crashed += 1
    const where = { world: world.name, major: world.major, text: text.sql, original: text.sql }
    options.onFinding({ law: 'one statement is one to the server', detail: `crash: ${reading.error}`, ...where })
    return
  }
  if (reading.kind === 'refused') {
    doubtful.push({ text, count: null })
    return
  }
  const [first] = reading.statements
  const isVerbatim = reading.statements.length === 1 && first?.text === text.sql
  if (!isVerbatim) doubtful.push({ text, count: reading.statements.length })
  for (const statement of reading.statements) {
    if (statement.facts.kind === 'opaque') {
      tally.refused += 1
      options.onStrict(statement.text, `${statement.facts.code} ${statement.facts.message}`)
    }
    errands.push({ ...statement, wantsDepends: tally.statements++ % options.recordOneIn === 0 })
  }
}

async function runBatch(
  { errands, doubtful }: Batch,
  options: ExploreOptions,
  tally: Tally,
  told: Map<string, number>,
): Promise<void> {
  await compareSplits(doubtful, options, tally, told)
  const outcomes = await runStatements(options.world, errands)
  for (const [at, errand] of errands.entries()) {
    const outcome = outcomes[at]
    if (outcome !== undefined) await count(errand, outcome, options, tally, told)
  }
}

async function count(
  errand: Errand,
  outcome: Outcome,
  options: ExploreOptions,
  tally: Tally,
  told: Map<string, number>,
): Promise<void> {
  const breaches = breachesOf({ ...errand, outcome }, options.world)
  if (outcome.kind === 'failed') tally.failed += 1
  if (outcome.kind === 'untried') tally.untried += 1
  if (breaches.length > 0) {
    tally.unsafe += 1
    for (const { law } of breaches) tally.byLaw.set(law, (tally.byLaw.get(law) ?? 0) + 1)
    for (const breach of breaches.slice(0, 1)) await tell(breach, errand.text, options, told)
  } else if (outcome.kind === 'ran') {
    if (isUnknown(errand.facts)) {
      tally.stricter += 1
      if (outcome.tag === 'SELECT' && !outcome.observed.hasXid) {
        tally.strictSelects += 1
        options.onStrict(errand.text, whyUnknown(errand))
      }
    } else tally.exact += 1
  }
}

const whyUnknown = ({ facts }: Errand): string =>
  facts.kind === 'opaque'
    ? facts.code
    : facts.uses
        .flatMap(use =>
          use.effect === 'unknown' && use.kind !== 'relation'
            ? [use.kind === 'function' ? `${use.function} ${use.why}` : use.why]
            : [],
        )
        .join('; ')

async function tell(
  { law, detail }: Breach,
  original: string,
  options: ExploreOptions,
  told: Map<string, number>,
): Promise<void> {
  const { world } = options
  const kind = `${law} ${detail}`
  const [ofKind = 0, ofLaw = 0] = [told.get(kind), told.get(law)]
  if (ofKind > 0 || ofLaw >= options.toldPerLaw) return
  told.set(kind, 1)
  told.set(law, ofLaw + 1)
  const fails = async (candidate: string): Promise<boolean> => (await breachOf(candidate, law, options)) !== null
  const text = await shrink(original, { attemptsMax: SHRINK_ATTEMPTS, fails })
  const last = (await breachOf(text, law, options))?.detail ?? detail
  options.onFinding({ law, detail: last, world: world.name, major: world.major, text, original })
}

/** How a text breaks a law, or null where it doesn't. */
export async function breachOf(
  text: string,
  law: Law,
  { world, classifier }: Pick<ExploreOptions, 'world' | 'classifier'>,
): Promise<Breach | null> {
  const reading = readText(text, classifier, world.catalog)
  if (reading.kind !== 'split') return null
  const errands = reading.statements.map(statement => ({ ...statement, wantsDepends: true }))
  const outcomes = await runStatements(world, errands)
  const breaches = errands.flatMap((errand, at) => {
    const outcome = outcomes[at]
    return outcome === undefined ? [] : breachesOf({ ...errand, outcome }, world)
  })
  return breaches.find(breach => breach.law === law) ?? null
}

/** Texts whose statements aren't the text itself: how many does the server see in them? */
async function compareSplits(
  doubtful: readonly Doubtful[],
  options: ExploreOptions,
  tally: Tally,
  told: Map<string, number>,
): Promise<void> {
  const { world } = options
  const able = doubtful.filter(({ text }) => !text.sql.includes('\0'))
  const seen = await serverCounts(
    able.map(({ text }) => text),
    world,
  )
  for (const [at, { text, count }] of able.entries()) {
    const server = seen[at]
    if (server === undefined || server === null) continue
    if (count === null) {
      if (server === 0) tally.failed += 1
      else {
        tally.refused += 1
        options.onStrict(text.sql, 'refused')
      }
    } else if ((server === 2 && count < 2) || (server === 1 && count > 1)) {
      tally.unsafe += 1
      const law = 'one statement is one to the server'
      tally.byLaw.set(law, (tally.byLaw.get(law) ?? 0) + 1)
      await tell({ law, detail: `${count} statements, ${server} to the server` }, text.sql, options, told)
    }
  }
}

/** 0 refused by the raw parser, 1 at most one statement, 2 more; null where that can't be told. */
async function serverCounts(texts: readonly CorpusText[], world: World): Promise<readonly (0 | 1 | 2 | null)[]> {
  if (texts.length === 0) return []
  try {
    const groups = texts.map(({ sql }) => rawMessages([['P', '', sql], ['S']]))
    const replies = await world.link.send(Buffer.concat(groups), texts.length)
    return replies.map(({ error }) => {
      if (error === null) return 1
      if (error.message.startsWith('cannot insert multiple commands')) return 2
      return /^(syntax error|unterminated|invalid Unicode|trailing junk|zero-length delimited|unsafe use|invalid (binary|octal|hexadecimal))|at or near/.test(
        error.message,
      )
        ? 0
        : null
    })
  } catch (error) {
    if (!(error instanceof LinkLost)) throw error
    await world.reconnect()
    return texts.map(() => null)
  }
}
