import {
  type Catalog,
  type Mask,
  type MaskedRelation,
  type MaskSql,
  ON_MASK,
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

/** Masks of every relation of a statement, on the columns that `isMasked` picks. */
export function masksOf(
  uses: readonly { readonly kind: string; readonly relation?: UsedRelation }[],
  isMasked: (relation: UsedRelation, column: UsedColumn) => boolean,
): readonly MaskedRelation[] {
  const masks = new Map<string, MaskedRelation>()
  const mask: Mask = { kind: 'redact' }
  for (const { relation } of uses) {
    if (relation === undefined || relation.kind === 'catalog') continue
    const columns = relation.columns
      .filter(column => isMasked(relation, column))
      .map(column => ({ column, mask, ...ON_MASK, entry: 0 }))
    if (columns.length > 0) masks.set(relationKey(relation), { relation, columns })
  }
  return [...masks.values()]
}

/** Classifies and rewrites a text under a catalog. */
export function rewriteText(
  { classify, rewrite }: Pair,
  text: string,
  catalog: Catalog,
  isMasked: (relation: UsedRelation, column: UsedColumn) => boolean,
  maskSql: MaskSql,
): Rewriting {
  const statement = { dialect: 'postgres', text, params: [] } as const
  const facts = classify(statement, catalog)
  if (facts.kind === 'opaque') throw new Error(`not understood: ${facts.message}`)
  return rewrite(statement, facts, masksOf(facts.uses, isMasked), maskSql, catalog)
}
