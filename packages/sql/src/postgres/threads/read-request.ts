import type { Catalog, Facts, Rewriting } from '@querywarden/policy-core'
import { type PostgresClassifier, postgresClassifier } from '../classify.ts'
import { isMajor } from '../engine.ts'
import { opaque } from '../limits.ts'
import { type PromptRewriter, postgresRewriter } from '../rewrite/postgres-rewriter.ts'
import type { Splitting } from '../split.ts'
import { cutFacts, restored } from './cut-views.ts'
import { maskSqlFrom } from './mask-sqls.ts'
import type { Reply, Request, Task, ThreadTerms } from './messages.ts'
import { readCatalog } from './share-catalog.ts'

/** Facts and statements of one text: each is copied to whoever asked, and ruled on there. */
const FACTS_MAX = 6_000
const STATEMENTS_MAX = 1_000
/** Texts are long here, and mostly classified right after they were split. */
const READ_CHARS_MAX = 1_048_576

interface Reader {
  readonly classifier: PostgresClassifier
  readonly rewrite: PromptRewriter
}

/** Gives what answers requests, with all that it keeps between them. */
export function readerOf({ limits }: ThreadTerms): (request: Request) => Promise<Reply> {
  const readers = new Map<number, Reader>()
  const catalogs = new Map<string, Catalog>()

  const load = async (major: number): Promise<void> => {
    if (readers.has(major) || !isMajor(major)) return
    const options = { majors: [major], cacheEntriesMax: 16, limits, readCharsMax: READ_CHARS_MAX }
    const classifier = await postgresClassifier(options)
    readers.set(major, { classifier, rewrite: postgresRewriter({ grammar: classifier.grammar, limits }) })
  }

  const carryOut = (task: Task): Reply => {
    const catalog = task.kind === 'split' ? null : catalogs.get(task.catalog)
    const reader = readers.get(task.kind === 'split' ? task.major : (catalog?.major ?? 0))
    if (reader === undefined || catalog === undefined) return { kind: 'failed' }
    const { classifier, rewrite } = reader
    if (task.kind === 'split') return { kind: 'splitting', splitting: bounded(classifier.split(task.text, task.major)) }
    if (catalog === null) return { kind: 'failed' }
    const facts = classifier.classify(task.statement, catalog)
    if (task.kind === 'classify') return { kind: 'facts', facts: cutFacts(boundedFacts(facts)) }
    return { kind: 'rewriting', rewriting: rewriting(rewrite, task, facts, catalog) }
  }

  return async request => {
    switch (request.kind) {
      case 'grammar':
        await load(request.major)
        return { kind: 'ready' }
      case 'catalog': {
        const catalog = readCatalog(request.shared)
        if (request.forget !== null) catalogs.delete(request.forget)
        if (catalog === null) return { kind: 'failed' }
        catalogs.set(request.shared.key, catalog)
        return { kind: 'ready' }
      }
      default:
        return carryOut(request)
    }
  }
}

const bounded = (splitting: Splitting): Splitting =>
  splitting.kind === 'split' && splitting.statements.length > STATEMENTS_MAX
    ? opaque('TOO_COMPLEX', `the text has more than ${STATEMENTS_MAX} statements: send it in parts`, null)
    : splitting

function boundedFacts(facts: Facts): Facts {
  if (facts.kind === 'opaque') return facts
  const { uses, mentions, columns, outputs, calls } = facts
  const count = uses.length + mentions.length + columns.length + (outputs?.length ?? 0) + calls.length
  return count > FACTS_MAX
    ? opaque('TOO_COMPLEX', `the statement names columns, relations and functions more than ${FACTS_MAX} times`, null)
    : facts
}

function rewriting(
  rewrite: PromptRewriter,
  { statement, masks, maskSqls }: Extract<Task, { kind: 'rewrite' }>,
  facts: Facts,
  catalog: Catalog,
): Rewriting {
  const known = masks.map(masked => ({ ...masked, relation: restored(masked.relation, catalog) }))
  return rewrite(statement, facts, known, maskSqlFrom(maskSqls), catalog)
}
