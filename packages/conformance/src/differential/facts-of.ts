import { type Catalog, effectsOf, type Facts } from '@querywarden/policy-core'
import type { PostgresClassifier } from '@querywarden/sql/postgres'

/** A statement as the classifier read it out of a text. */
export interface Read {
  readonly text: string
  readonly facts: Facts
}

/** A text as the classifier read it: its statements, or why it refuses it. */
export type Reading =
  | { readonly kind: 'split'; readonly statements: readonly Read[] }
  | { readonly kind: 'refused'; readonly code: string }
  /** It threw: it must never. */
  | { readonly kind: 'crashed'; readonly error: string }

export function readText(text: string, classifier: PostgresClassifier, catalog: Catalog): Reading {
  try {
    const splitting = classifier.split(text, catalog.major)
    if (splitting.kind === 'opaque') return { kind: 'refused', code: splitting.code }
    return {
      kind: 'split',
      statements: splitting.statements.map(statement => ({
        text: statement.text,
        facts: classifier.classify({ dialect: 'postgres', text: statement.text, params: [] }, catalog),
      })),
    }
  } catch (error) {
    return { kind: 'crashed', error: String(error) }
  }
}

/** Whether nothing but reading is said of it. */
export const isPlainRead = (facts: Facts): boolean => effectsOf(facts).every(effect => effect === 'read')

export const isUnknown = (facts: Facts): boolean => effectsOf(facts).includes('unknown')
