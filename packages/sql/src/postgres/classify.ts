import { type Catalog, type Dialect, type Facts, isRememberable, type Statement } from '@querywarden/policy-core'
import { canonicalText } from './canonical.ts'
import { type Grammar, isMajor, loadGrammar, MAJORS, type Major } from './engine.ts'
import { FactMemory } from './fact-memory.ts'
import { fingerprintOf } from './fingerprint.ts'
import { opaque, type ParseLimits } from './limits.ts'
import { bindNames } from './names/bind.ts'
import type { Outline } from './outline.ts'
import { placesIn } from './places.ts'
import { Readings } from './readings.ts'
import { addRuns } from './routines/add-runs.ts'
import { loadPlpgsql, type PlpgsqlParser } from './routines/plpgsql-parser.ts'
import { type CodeFollower, codeFollower } from './routines/spread.ts'
import { mayNameObjects } from './session-command.ts'
import { prohibitedBy } from './settings.ts'
import { emptiesSearchPath, soleSetting } from './sole-setting.ts'
import type { Splitting } from './split.ts'
import { takesName } from './takes-name.ts'
import { watchLiterals } from './unread-literals.ts'
import { tagOfStatement, walk } from './walk.ts'

/** How a classifier works. */
export interface ClassifierOptions {
  /** The server majors whose grammars to load. */
  readonly majors: readonly Major[]
  /** Facts kept by text and catalog. An entry holds about as much as its text and a few kilobytes. */
  readonly cacheEntriesMax: number
  readonly limits: ParseLimits
  /** The longest text, in UTF-16 units, whose reading is kept from its split to its classification; else 4096. */
  readonly readCharsMax?: number
}

/** A classifier with the splitter that belongs to it: both read a text by the same grammar under the same limits. */
export interface PostgresClassifier {
  readonly classify: (statement: Statement, catalog: Catalog) => Facts
  /** The facts of a statement where they are known already, or where those of one like it are; else null. */
  readonly recall: (statement: Statement, catalog: Catalog) => Facts | null
  /** Remembers facts that were found elsewhere, by a classifier with the same limits. */
  readonly remember: (statement: Statement, catalog: Catalog, facts: Facts) => void
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
  const memory = new FactMemory(options.cacheEntriesMax)
  const readings = new Readings(options.limits, options.cacheEntriesMax, options.readCharsMax)
  const code = { plpgsql: await loadPlpgsql(), follower: codeFollower(), limits: options.limits }

  const recall: PostgresClassifier['recall'] = ({ text, dialect }, catalog) => {
    const context = memory.contextOf(catalog, dialect)
    const known = memory.get(context, text)
    if (known !== null) return known
    const outline = readings.outlineOf(text)
    return outline === null ? null : readings.outlines.get(context, outline)
  }

  const remember: PostgresClassifier['remember'] = ({ text, dialect }, catalog, facts) =>
    memory.set(memory.contextOf(catalog, dialect), text, facts)

  const classify: PostgresClassifier['classify'] = (statement, catalog) => {
    const known = recall(statement, catalog)
    if (known !== null) return known
    const context = memory.contextOf(catalog, statement.dialect)
    const outline = readings.outlineOf(statement.text)
    const found = grammar(catalog.major)
    const facts =
      statement.dialect !== 'postgres' || found === null
        ? noGrammar(statement.dialect, catalog.major)
        : guarded(() => {
            const reader = { grammar: found, readings, code, context, outline }
            return understand(statement.text, catalog, reader)
          })
    remember(statement, catalog, facts)
    return facts
  }

  const split = (text: string, major: number): Splitting => {
    const found = grammar(major)
    return found === null ? noGrammar('postgres', major) : guarded(() => readings.split(text, found))
  }
  return { classify, recall, remember, split, grammar }
}

/** What one classification reads with. */
interface Reader {
  readonly grammar: Grammar
  readonly readings: Readings
  /** What the code that statements set off is read with. */
  readonly code: { readonly plpgsql: PlpgsqlParser; readonly follower: CodeFollower; readonly limits: ParseLimits }
  /** The catalog and dialect, as a key. */
  readonly context: string
  readonly outline: Outline | null
}

const noGrammar = (dialect: Dialect, major: number): ReturnType<typeof opaque> =>
  dialect === 'postgres'
    ? opaque('PARSER_FAILED', `no grammar for PostgreSQL ${major} is loaded`, null)
    : opaque('SYNTAX', 'expected a statement for PostgreSQL', null)

/** Running out of stack is the one exception that a text can cause. It is refused like all else that isn't understood. */
function guarded<Result>(run: () => Result): Result | ReturnType<typeof opaque> {
  try {
    return run()
  } catch {
    return opaque('PARSER_FAILED', 'the text could not be followed', null)
  }
}

function understand(text: string, catalog: Catalog, reader: Reader): Facts {
  const { grammar, readings, code, context, outline } = reader
  const read = readings.read(text, grammar)
  if (read.kind === 'opaque') return read
  const [statement, second] = read.statements
  if (statement === undefined) return opaque('EMPTY', 'the text has no statement, expected one', null)
  if (second !== undefined)
    return opaque('NOT_ONE_STATEMENT', `the text has ${read.statements.length} statements, expected one`, second.start)

  const watch = outline === null ? null : watchLiterals(statement, outline.literals)
  const places = placesIn(read.text, read.tokens, statement.start, statement.end)
  const walked = walk(statement, catalog, grammar.major, places, code.limits.nodesMax)
  if (walked.trouble !== null) return opaque(walked.trouble.code, walked.trouble.message, null)
  const tag = tagOfStatement(statement)
  if (tag === null) return opaque('UNKNOWN_NODE', `\`${statement.type}\` is not known as a statement`, null)
  const names = bindNames(statement, catalog, places)
  if (names === null) return opaque('TOO_COMPLEX', 'the names in the text lead to too many columns', null)
  const ran = addRuns(code.follower, { ...code, catalog, grammar }, walked)
  const uses = [...walked.uses, ...ran.uses]
  const setting = soleSetting(statement, catalog)
  const isEmptying = emptiesSearchPath(setting)
  // The search path is pinned, and this is the one change of it that the gate keeps account of.
  const isOpenToPolicy = isEmptying || (setting !== null && prohibitedBy(setting.name, setting.value) === null)
  const nothing = { kind: 'statement', effect: 'read', why: 'computes', place: places.whole } as const
  const facts: Extract<Facts, { kind: 'understood' }> = {
    kind: 'understood',
    tag,
    uses: uses.length === 0 ? [nothing] : uses,
    prohibitions: isOpenToPolicy ? [] : [...walked.prohibitions, ...ran.prohibitions],
    mentions: walked.mentions,
    ...names,
    calls: ran.calls,
    fingerprint: fingerprintOf(read.text, read.tokens),
    canonical: canonicalText(read.text, read.tokens),
    copy: walked.copy,
    ...(walked.copyFormat === null ? {} : { copyFormat: walked.copyFormat }),
    searchPath: isEmptying ? 'emptied' : 'kept',
    catalogFingerprint: catalog.fingerprint,
    ...(takesName(statement, catalog) ? { takesName: true } : {}),
  }
  // What names objects of its session is read each time: its split says which.
  const isAlike = facts.prohibitions.length === 0 && isRememberable(facts) && !mayNameObjects(statement, read.text)
  if (outline !== null && watch?.isRead() === false && isAlike)
    readings.outlines.set(grammar.major, context, outline, facts)
  return facts
}
