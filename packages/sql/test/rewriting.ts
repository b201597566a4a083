import {
  type Catalog,
  type Mask,
  type MaskedColumn,
  type MaskedRelation,
  type MaskSql,
  maskedBehind,
  ON_MASK,
  type RelationName,
  type Rewriting,
  relationKey,
  type UsedColumn,
  type UsedRelation,
} from '@querywarden/policy-core'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { type Grammar, MAJORS } from '../src/postgres/engine.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { type PromptRewriter, postgresRewriter } from '../src/postgres/rewrite/postgres-rewriter.ts'
import type { Splitting } from '../src/postgres/split.ts'

/** Classifier and rewriter of all majors, as a composer puts them together. */
export interface Pair {
  readonly classify: PostgresClassifier['classify']
  readonly rewrite: PromptRewriter
  readonly grammar: (major: number) => Grammar | null
  readonly split: (text: string, major: number) => Splitting
}

export async function classifierAndRewriter(): Promise<Pair> {
  const { classify, grammar, split } = await postgresClassifier({
    majors: MAJORS,
    cacheEntriesMax: 0,
    limits: DEFAULT_LIMITS,
  })
  return { classify, grammar, split, rewrite: postgresRewriter({ grammar, limits: DEFAULT_LIMITS }) }
}

/**
 * Masks of every relation of a statement and of what its views read, on the columns that `isMasked` picks by their names; a
 * column of a view also has those of its origins.
 */
export function masksOf(
  uses: readonly { readonly kind: string; readonly relation?: UsedRelation }[],
  isMasked: (relation: RelationName, column: Pick<UsedColumn, 'name'>) => boolean,
  mask: Mask = { kind: 'redact' },
): readonly MaskedRelation[] {
  const masked = (column: UsedColumn) => ({ column, mask, ...ON_MASK, entry: 0 })
  const named = rememberingLists(relation => relation.columns.filter(each => isMasked(relation, each)).map(masked))
  const all = rememberingLists(relation =>
    relation.columns
      .filter(
        each =>
          isMasked(relation, each) ||
          (relation.kind === 'derived' && each.origins.some(origin => isMasked(origin, { name: origin.column }))),
      )
      .map(masked),
  )
  const masks = new Map<string, MaskedRelation>()
  for (const { relation } of uses) {
    if (relation === undefined || relation.kind === 'catalog') continue
    const behind = maskedBehind({ maskedColumns: all, ownMasks: named }, relation)
    const columns = all(relation)
    if (columns.length === 0 && behind.length === 0) continue
    for (const each of behind) masks.set(relationKey(each.relation), each)
    masks.set(relationKey(relation), { relation, columns, own: relation.kind === 'derived' ? named(relation) : [] })
  }
  return [...masks.values()]
}

function rememberingLists(
  listOf: (relation: UsedRelation) => readonly MaskedColumn[],
): (relation: UsedRelation) => readonly MaskedColumn[] {
  const known = new WeakMap<UsedRelation, readonly MaskedColumn[]>()
  return relation => {
    const list = known.get(relation) ?? listOf(relation)
    known.set(relation, list)
    return list
  }
}

/** Classifies and rewrites a text under a catalog. */
export function rewriteText(
  { classify, rewrite }: Pair,
  text: string,
  catalog: Catalog,
  isMasked: (relation: RelationName, column: Pick<UsedColumn, 'name'>) => boolean,
  maskSql: MaskSql,
): Rewriting {
  const statement = { dialect: 'postgres', text, params: [] } as const
  const facts = classify(statement, catalog)
  if (facts.kind === 'opaque') throw new Error(`not understood: ${facts.message}`)
  return rewrite(statement, facts, masksOf(facts.uses, isMasked), maskSql, catalog)
}
