import type { Catalog, Classifier, Facts, Statement } from '@querywarden/policy-core'
import { boundedCache } from './cache.ts'
import { canonicalText } from './canonical.ts'
import { type Grammar, isMajor, loadGrammar, MAJORS, type Major } from './engine.ts'
import { outlineMemory } from './facts-by-outline.ts'
import { opaque, type ParseLimits } from './limits.ts'
import { type Outline, outlineOf } from './outline.ts'
import { placesIn } from './places.ts'
import { prohibitedBy } from './settings.ts'
import { emptiesSearchPath, soleSetting } from './sole-setting.ts'
import { type ReadText, readText, type Splitting, soleStatement, splitRead } from './split.ts'
import { watchLiterals } from './unread-literals.ts'
import { tagOfStatement, walk } from './walk.ts'

/** How a classifier works. */
export interface ClassifierOptions {
  /** The server majors whose grammars to load. */
  readonly majors: readonly Major[]
  /** Facts kept by text and catalog. An entry holds about as much as its text and a few kilobytes. */
  readonly cacheEntriesMax: number
  readonly limits: ParseLimits
}

/** A classifier with the splitter that belongs to it: both read a text by the same grammar under the same limits. */
export interface PostgresClassifier {
  readonly classify: Classifier
  /** Splits a text into statements by the grammar of a server major. Total. */
  readonly split: (text: string, major: number) => Splitting
  /** The grammar of a server major, or null where it isn't loaded. */
  readonly grammar: (major: number) => Grammar | null
}

/**
 * Makes the classifier for PostgreSQL: what a statement does, by the grammar of the server's own major. It is total and
 * never guesses: what it can't follow is opaque facts, or a use with the effect `unknown`.
 *
 * @throws Error when a grammar can't be loaded.
 * @example
 * const { classify } = await postgresClassifier({ majors: [17], cacheEntriesMax: 1000, limits: DEFAULT_LIMITS })
 * classify({ dialect: 'postgres', text: 'delete from orders', params: [] }, catalog)
 */
export async function postgresClassifier(options: ClassifierOptions): Promise<PostgresClassifier> {
  const loaded = await Promise.all(
    MAJORS.filter(major => options.majors.includes(major)).map(
      async major => [major, await loadGrammar(major)] as const,
    ),
  )
  const grammars = new Map<Major, Grammar>(loaded)
  const grammar = (major: number): Grammar | null => (isMajor(major) ? (grammars.get(major) ?? null) : null)
  const cache = boundedCache<Facts>(options.cacheEntriesMax)
  // A text is split, and its statement classified soon after: one parse serves both.
  const outlines = outlineMemory(options.cacheEntriesMax)
  let lastOutline: Outline | null = null
  const justRead = boundedCache<ReadText>(JUST_READ_MAX)

  const classify: Classifier = (statement, catalog) => {
    const context = JSON.stringify([catalog.fingerprint, catalog.major, statement.dialect])
    const key = context + statement.text
    const known = cache.get(key)
    if (known !== undefined) return known
    const outline = outlineFor(statement.text)
    const alike = outline === null ? null : outlines.get(context, outline)
    if (alike !== null) return alike
    const facts = factsOf(statement, catalog, reader(catalog.major, context, outline))
    // A parser that failed may do better next time.
    if (facts.kind === 'understood' || facts.code !== 'PARSER_FAILED') cache.set(key, facts)
    return facts
  }

  const split = (text: string, major: number): Splitting => {
    const found = grammar(major)
    if (found === null) return noGrammar(major)
    return guarded(() => {
      lastOutline = outlineOf(text)
      if (lastOutline !== null && outlines.isOneStatement(major, lastOutline))
        return { kind: 'split', statements: [{ text: lastOutline.text, start: 0 }] }
      const read = readText(text, found, options.limits)
      if (read.kind === 'opaque') return read
      const sole = text.length <= JUST_READ_CHARS_MAX ? soleStatement(read) : null
      if (sole !== null) justRead.set(`${major} ${sole.text}`, sole)
      return splitRead(read)
    })
  }

  /** A text is split just before its statement is classified. */
  const outlineFor = (text: string): Outline | null => {
    const outline = lastOutline?.text === text ? lastOutline : outlineOf(text)
    return outline?.text === text && outline.literals.length > 0 ? outline : null
  }

  const reader = (major: number, context: string, outline: Outline | null): Read | null => {
    const found = grammar(major)
    if (found === null) return null
    return {
      major: found.major,
      text: text => justRead.get(`${major} ${text}`) ?? readText(text, found, options.limits),
      limits: options.limits,
      outline,
      onUnreadLiterals: facts => {
        if (outline === null) return
        outlines.set(context, outline, facts)
        outlines.parsed(major, outline)
      },
    }
  }
  return { classify, split, grammar }
}

/** Between a text's split and its classification other sessions may have their turn. */
const JUST_READ_MAX = 64
const JUST_READ_CHARS_MAX = 4_096

/** Reads texts by one grammar. */
interface Read {
  readonly major: Major
  readonly text: (text: string) => ReturnType<typeof readText>
  readonly limits: ParseLimits
  readonly outline: Outline | null
  /** Told of facts that don't depend on what the literals say. */
  readonly onUnreadLiterals: (facts: Extract<Facts, { kind: 'understood' }>) => void
}

const noGrammar = (major: number): ReturnType<typeof opaque> =>
  opaque('PARSER_FAILED', `no grammar for PostgreSQL ${major} is loaded`, null)

function factsOf(statement: Statement, catalog: Catalog, read: Read | null): Facts {
  if (statement.dialect !== 'postgres') return opaque('SYNTAX', 'expected a statement for PostgreSQL', null)
  return read === null ? noGrammar(catalog.major) : guarded(() => understand(statement.text, catalog, read))
}

/** Running out of stack is the one exception that a text can cause. It is refused like all else that isn't understood. */
function guarded<Result>(run: () => Result): Result | ReturnType<typeof opaque> {
  try {
    return run()
  } catch {
    return opaque('PARSER_FAILED', 'the text could not be followed', null)
  }
}

function understand(text: string, catalog: Catalog, reader: Read): Facts {
  const { major, limits, outline } = reader
  const read = reader.text(text)
  if (read.kind === 'opaque') return read
  const [statement, second] = read.statements
  if (statement === undefined) return opaque('EMPTY', 'the text has no statement, expected one', null)
  if (second !== undefined)
    return opaque('NOT_ONE_STATEMENT', `the text has ${read.statements.length} statements, expected one`, second.start)

  const watch = outline === null ? null : watchLiterals(statement, outline.literals)
  const places = placesIn(read.text, read.tokens, statement.start, statement.end)
  const walked = walk(statement, catalog, major, places, limits.nodesMax)
  if (walked.trouble !== null) return opaque(walked.trouble.code, walked.trouble.message, null)
  const tag = tagOfStatement(statement)
  if (tag === null) return opaque('UNKNOWN_NODE', `\`${statement.type}\` is not known as a statement`, null)
  const setting = soleSetting(statement, catalog)
  const isEmptying = emptiesSearchPath(setting)
  // The search path is pinned, and this is the one change of it that the gate keeps account of.
  const isOpenToPolicy = isEmptying || (setting !== null && prohibitedBy(setting.name, setting.value) === null)
  const nothing = { kind: 'statement', effect: 'read', why: 'computes', place: places.whole } as const
  const facts: Extract<Facts, { kind: 'understood' }> = {
    kind: 'understood',
    tag,
    uses: walked.uses.length === 0 ? [nothing] : walked.uses,
    prohibitions: isOpenToPolicy ? [] : walked.prohibitions,
    mentions: walked.mentions,
    canonical: canonicalText(read.text, read.tokens),
    copy: walked.copy,
    searchPath: isEmptying ? 'emptied' : 'kept',
    catalogFingerprint: catalog.fingerprint,
  }
  if (watch?.isRead() === false && facts.prohibitions.length === 0) reader.onUnreadLiterals(facts)
  return facts
}
