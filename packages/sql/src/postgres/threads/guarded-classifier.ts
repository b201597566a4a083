import type { Classifier, Facts, MaskedRelation, Rewriter, Rewriting, UsedRelation } from '@querywarden/policy-core'
import { boundedCache } from '../cache.ts'
import { type ClassifierOptions, postgresClassifier } from '../classify.ts'
import { opaque, type Refused } from '../limits.ts'
import { impossible } from '../rewrite/impossible.ts'
import { postgresRewriter } from '../rewrite/postgres-rewriter.ts'
import type { Splitting } from '../split.ts'
import { SqlError } from '../sql-error.ts'
import { cutMasks, restoredFacts } from './cut-views.ts'
import { maskSqlsOf } from './mask-sqls.ts'
import { catalogKey } from './share-catalog.ts'
import { type Outcome, type ThreadLimits, ThreadPool } from './thread-pool.ts'
import { isLight } from './weigh.ts'

/** How a guarded classifier works. */
export interface GuardedOptions extends Omit<ClassifierOptions, 'readCharsMax'> {
  readonly threads: ThreadLimits
}

/** Reads hostile texts without harm to anybody else. */
export interface GuardedClassifier {
  readonly classify: Classifier
  readonly rewrite: Rewriter
  /** Splits a text into statements by the grammar of a server major. Total; `asker` as in {@link Classifier}. */
  readonly split: (text: string, major: number, asker?: object) => Splitting | Promise<Splitting>
  /** Threads that were killed or died, and were replaced, so far. */
  readonly replaced: () => number
  /** Ends the threads. What is asked afterwards is refused, unless it is light. */
  readonly close: () => Promise<void>
}

/** The longest that anybody may let a text be read, in milliseconds (threat T5). */
export const READ_MS_HARD_MAX = 500

/** What suits a gateway: 50 ms a text, on two threads. */
export const DEFAULT_THREAD_LIMITS: ThreadLimits = {
  readMsMax: 50,
  threadsMax: 2,
  heapMbMax: 256,
  waitingPerThreadMax: 64,
}

/**
 * Makes a classifier, splitter and rewriter for PostgreSQL that no text can hold up: what may take more than a few
 * milliseconds is read in a thread, under a deadline, and refused when it passes. The thread is then killed and replaced.
 * Light texts, nearly all, are read in place and answered at once.
 *
 * @throws Error when a grammar can't be loaded, or a limit is out of bounds.
 * @example
 * const sql = await guardedClassifier({ majors: [17], cacheEntriesMax: 1000, limits: DEFAULT_LIMITS, threads: DEFAULT_THREAD_LIMITS })
 * const gate = openGate({ classify: sql.classify, rewrite: sql.rewrite, …others })
 */
export async function guardedClassifier({ threads, ...options }: GuardedOptions): Promise<GuardedClassifier> {
  check(threads)
  const prompt = await postgresClassifier(options)
  const promptRewrite = postgresRewriter({ grammar: prompt.grammar, limits: options.limits })
  const pool = new ThreadPool(options.limits, threads)
  const told = new ToldOnce()
  const recent = boundedCache<{ readonly facts: Facts; readonly catalog: string }>(RECENT_MAX)
  const refusal = (outcome: Outcome): Refused => refusalOf(outcome, threads.readMsMax)

  const split: GuardedClassifier['split'] = (text, major, asker = {}) => {
    if (isLight(text) || text.length > options.limits.bytesMax || prompt.grammar(major) === null)
      return prompt.split(text, major)
    return pool.run({ task: { kind: 'split', text, major }, major, catalog: null }, asker).then(outcome => {
      const splitting = outcome.kind === 'splitting' ? outcome.splitting : refusal(outcome)
      // Whoever can't split a text asks what it does, to be told why not: it is not read again for that.
      if (splitting.kind === 'opaque') told.add(text, splitting)
      return splitting
    })
  }

  const classify: Classifier = (statement, catalog, asker = {}) => {
    const { text, dialect } = statement
    const { major, fingerprint } = catalog
    const isOurs = dialect === 'postgres' && text.length <= options.limits.bytesMax && prompt.grammar(major) !== null
    if (!isOurs || isLight(text)) return prompt.classify(statement, catalog)
    const refused = told.take(text)
    const known = refused ?? prompt.recall(statement, catalog)
    if (known !== null) return known
    const before = recent.get(text)
    if (before?.catalog === fingerprint) return before.facts
    const task = { kind: 'classify', statement: { ...statement, params: [] }, catalog: catalogKey(catalog) } as const
    return pool.run({ task, major, catalog }, asker).then(outcome => {
      const facts = outcome.kind === 'facts' ? restoredFacts(outcome.facts, catalog) : refusal(outcome)
      prompt.remember(statement, catalog, facts)
      if (facts.kind === 'understood') recent.set(text, { facts, catalog: fingerprint })
      return facts
    })
  }

  const rewrite: Rewriter = (statement, facts, masks, maskSql, catalog, asker = {}) => {
    if (isLightToRewrite(statement.text, facts, masks)) return promptRewrite(statement, facts, masks, maskSql, catalog)
    const task = {
      kind: 'rewrite',
      statement: { ...statement, params: [] },
      catalog: catalogKey(catalog),
      masks: cutMasks(masks),
      maskSqls: maskSqlsOf(masks, maskSql),
    } as const
    return pool
      .run({ task, major: catalog.major, catalog }, asker)
      .then(outcome => (outcome.kind === 'rewriting' ? outcome.rewriting : unwritten(refusal(outcome))))
  }

  return { classify, rewrite, split, replaced: () => pool.replaced, close: () => pool.close() }
}

/** Facts of long texts, from their judgement to their submission. */
const RECENT_MAX = 8
/** Refusals that were given for a split, and are given again for the question why. */
const TOLD_MAX = 8

class ToldOnce {
  readonly #refusals = new Map<string, Refused>()

  add(text: string, refused: Refused): void {
    this.#refusals.set(text, refused)
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size > TOLD_MAX && oldest !== undefined) this.#refusals.delete(oldest)
  }

  take(text: string): Refused | null {
    const refused = this.#refusals.get(text) ?? null
    this.#refusals.delete(text)
    return refused
  }
}

function check({ readMsMax, threadsMax, heapMbMax, waitingPerThreadMax }: ThreadLimits): void {
  if (!(readMsMax >= 1 && readMsMax <= READ_MS_HARD_MAX))
    throw new SqlError('INVALID_LIMIT', `readMsMax is ${readMsMax}, expected 1 to ${READ_MS_HARD_MAX}`)
  for (const [name, value] of Object.entries({ threadsMax, heapMbMax, waitingPerThreadMax }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new SqlError('INVALID_LIMIT', `${name} is ${value}, expected a whole number from 1 on`)
}

function refusalOf(outcome: Outcome, readMsMax: number): Refused {
  switch (outcome.kind) {
    case 'late':
      return opaque('TOO_SLOW', `reading it took longer than the ${readMsMax} ms that it may: send it in parts`, null)
    case 'busy':
      return opaque('BUSY', 'too many long texts wait to be read: send it again later', null)
    default:
      return opaque('PARSER_FAILED', 'the parser failed on it: send it in parts', null)
  }
}

const unwritten = ({ message }: Refused): Rewriting =>
  impossible(`its masks could not be put in: ${message}`, 'send it in parts')

/** What the masks make of a text is read again, so it is its length that counts. */
const WRITTEN_CHARS_MAX = 16_384
/** Of one masked column in the text, at the least. */
const COLUMN_CHARS = 40

function isLightToRewrite(text: string, facts: Facts, masks: readonly MaskedRelation[]): boolean {
  if (masks.length === 0) return isLight(text) || !(text.includes('--') || text.includes('/*'))
  if (facts.kind === 'opaque') return true
  const masked = new Set(masks.map(({ relation }) => relation.oid))
  let chars = 0
  for (const use of facts.uses)
    if (use.kind === 'relation' && masked.has(use.relation.oid)) chars += charsFor(use.relation, WRITTEN_CHARS_MAX)
  return isLight(text) && chars <= WRITTEN_CHARS_MAX
}

/** About how much may stand in for a relation; no more than `max` is counted. */
function charsFor({ columns, view }: UsedRelation, max: number): number {
  let chars = columns.length * COLUMN_CHARS + (view?.text.length ?? 0)
  for (const read of view?.reads ?? []) {
    if (chars > max) break
    chars += charsFor(read, max - chars)
  }
  return chars
}
