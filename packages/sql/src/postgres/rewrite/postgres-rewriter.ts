import type { Catalog, Facts, MaskedRelation, MaskSql, Rewriting, Statement } from '@querywarden/policy-core'
import { blankComments } from '../comments.ts'
import type { Grammar } from '../engine.ts'
import { lex } from '../lex.ts'
import type { ParseLimits } from '../limits.ts'
import { placesIn } from '../places.ts'
import { SEND_FOR_EMPTY_PATH, sendWithoutPath } from '../sole-setting.ts'
import { type ReadText, readText } from '../split.ts'
import { applyEdits, replaceNodes } from './edits.ts'
import { disagreement, impossible } from './impossible.ts'
import { planChanges } from './plan-changes.ts'
import { isSameTree } from './same-tree.ts'
import { surveyTree } from './survey.ts'
import { textCursor } from './text-cursor.ts'
import type { QueryMemory } from './views/stand-in.ts'

/** A Rewriter that has its answer at once. */
export type PromptRewriter = (
  statement: Statement,
  facts: Facts,
  masks: readonly MaskedRelation[],
  maskSql: MaskSql,
  catalog: Catalog,
) => Rewriting

/** How a rewriter works. Give it what the classifier was given: both must read a text in the same way. */
export interface RewriterOptions {
  /** The grammar of a server major, or null where it isn't loaded. */
  readonly grammar: (major: number) => Grammar | null
  readonly limits: ParseLimits
}

/**
 * Makes the rewriter for PostgreSQL: every relation with masked columns is replaced, where it is read, by a query that
 * selects its columns through the masks. Decided on the parse tree and spliced into the text, so that all else stays as
 * it was written; then parsed again and held against the tree that was meant. Pure and total.
 *
 * @example
 * const { classify, grammar } = await postgresClassifier({ majors: [17], cacheEntriesMax: 1000, limits: DEFAULT_LIMITS })
 * const rewrite = postgresRewriter({ grammar, limits: DEFAULT_LIMITS })
 * rewrite(statement, classify(statement, catalog), masks, maskSql, catalog)
 * // { kind: 'rewritten', text: 'select ssn from (SELECT "qw"."id", … AS "ssn" FROM "public"."customers" AS "qw") AS "customers"' }
 */
export function postgresRewriter({ grammar, limits }: RewriterOptions): PromptRewriter {
  const memory: QueryMemory = new WeakMap()
  return (statement, facts, masks, maskSql, catalog) => {
    if (statement.dialect !== 'postgres') return disagreement('the statement is not for PostgreSQL')
    if (facts.kind === 'opaque') return disagreement('the statement was not understood')
    if (facts.searchPath === 'emptied') return { kind: 'rewritten', text: SEND_FOR_EMPTY_PATH }
    const answer = catalog.searchPath.length === 0 ? sendWithoutPath(statement.text) : null
    if (answer !== null) return { kind: 'rewritten', text: answer }
    if (masks.length === 0) return withoutComments(statement.text)
    if (facts.catalogFingerprint !== catalog.fingerprint) {
      return impossible('the schema changed while the statement was judged', 'send the statement again')
    }
    const found = grammar(catalog.major)
    if (found === null) return disagreement(`no grammar for PostgreSQL ${catalog.major} is loaded`)
    try {
      const read = readText(statement.text, found, limits)
      if (read.kind === 'opaque') return disagreement('the statement could not be read again')
      return rewriteText(read, found, cursor => ({ facts, masks, maskSql, catalog, cursor, grammar: found, memory }))
    } catch (error) {
      // A tree can be too deep for the stack. Whatever else is thrown here is a broken promise of ours, and loud.
      if (error instanceof RangeError)
        return impossible('the statement is nested too deeply', 'write it in a flatter way')
      throw error
    }
  }
}

/** The text that was judged has spaces for comments, and nothing else may be sent. */
function withoutComments(text: string): Rewriting {
  if (!text.includes('--') && !text.includes('/*')) return { kind: 'rewritten', text }
  const blanking = blankComments(text, lex(text))
  return blanking.kind === 'blanked'
    ? { kind: 'rewritten', text: blanking.text }
    : disagreement('a comment stands between two literals')
}

type PlanInput = Omit<Parameters<typeof planChanges>[0], 'survey' | 'statement' | 'places'>

function rewriteText(
  read: ReadText,
  grammar: Grammar,
  inputFor: (cursor: PlanInput['cursor']) => PlanInput,
): Rewriting {
  const [statement, second] = read.statements
  if (statement === undefined || second !== undefined) return disagreement('the text is not exactly one statement')
  const survey = surveyTree(statement)
  if ('kind' in survey) return survey
  const places = placesIn(read.text, read.tokens, statement.start, statement.end)
  const plan = planChanges({ ...inputFor(textCursor(read.text, read.tokens)), places, survey, statement })
  if (plan.kind === 'impossible') return plan
  const proven = plan.proven.length === 0 ? {} : { proven: plan.proven }
  const lookups = plan.lookups.length === 0 ? {} : { lookups: plan.lookups }
  if (plan.changes.length === 0) return { kind: 'rewritten', text: read.text, ...proven, ...lookups }

  const text = applyEdits(
    read.text,
    plan.changes.map(({ edit }) => edit),
  )
  if (text === null) return disagreement('two changes of the statement overlap')
  const replacements = new Map(plan.changes.map(({ node, by }) => [node, by]))
  const verified = verify(grammar, text, { type: statement.type, body: replaceNodes(statement.body, replacements) })
  return verified.kind === 'rewritten' ? { ...verified, ...proven, ...lookups } : verified
}

/** Lets a text pass only where it parses to exactly the tree that was meant. */
export function verify(
  grammar: Grammar,
  text: string,
  meant: { readonly type: string; readonly body: unknown },
): Rewriting {
  const outcome = grammar.parse(text)
  const statements = outcome.kind === 'parsed' ? outcome.statements : []
  const [statement, second] = statements
  const isMeant =
    statement !== undefined &&
    second === undefined &&
    statement.type === meant.type &&
    isSameTree(statement.body, meant.body)
  return isMeant
    ? { kind: 'rewritten', text }
    : disagreement('the statement with the masks in it does not read as it was meant')
}
