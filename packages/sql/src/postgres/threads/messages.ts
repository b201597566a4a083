import type { Catalog, CatalogRoutine, Facts, MaskedRelation, Rewriting, Statement } from '@querywarden/policy-core'
import type { UnlinkedRelation } from '../catalog/view-links.ts'
import type { ParseLimits } from '../limits.ts'
import type { Splitting } from '../split.ts'

/** What a thread is started with. */
export interface ThreadTerms {
  readonly limits: ParseLimits
}

/** One text to read. */
export type Task =
  | { readonly kind: 'split'; readonly text: string; readonly major: number }
  | { readonly kind: 'classify'; readonly statement: Statement; readonly catalog: string }
  | {
      readonly kind: 'rewrite'
      readonly statement: Statement
      readonly catalog: string
      readonly masks: readonly MaskedRelation[]
      /** The SQL of each mask on each column that it may be put on, by {@link maskKey}. */
      readonly maskSqls: ReadonlyMap<string, string>
    }

/** What a thread is asked. Whatever isn't a task makes it ready for one, and isn't bounded by a task's deadline. */
export type Request =
  | Task
  | { readonly kind: 'grammar'; readonly major: number }
  /** `forget`: another catalog, to make room. */
  | { readonly kind: 'catalog'; readonly shared: SharedCatalog; readonly forget: string | null }

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'splitting'; readonly splitting: Splitting }
  | { readonly kind: 'facts'; readonly facts: Facts }
  | { readonly kind: 'rewriting'; readonly rewriting: Rewriting }
  /** It could not be done, for a reason that is none of the text's. */
  | { readonly kind: 'failed' }

/** A catalog that all threads can read, serialized once. */
export interface SharedCatalog {
  readonly key: string
  readonly parts: readonly SharedArrayBuffer[]
}

/** A stretch of a catalog. The first holds all that is small. */
export type CatalogPart =
  | { readonly kind: 'head'; readonly catalog: Catalog }
  | { readonly kind: 'relations'; readonly entries: readonly (readonly [string, UnlinkedRelation])[] }
  | { readonly kind: 'functions'; readonly entries: readonly (readonly [string, readonly CatalogRoutine[]])[] }
