import { type Access, type Catalog, EFFECTS, type Effect, type What } from '@querywarden/policy-core'
import fc from 'fast-check'
import type { WrittenStatement } from '../arbitraries/statements/written-statement.ts'
import { statements } from '../arbitraries/statements.ts'
import { functionCalls } from './function-calls.ts'
import { catalogWith, relationsLike, type Selection } from './selection.ts'
import type { Vocabulary } from './vocabulary.ts'

/**
 * Statements among which those that are meant aren't rare: about the relations that a selection or else the policy's rules
 * name, with the effects and accesses that are asked for, and calls of the functions that are named; and now and then any.
 */
export function aimedStatements(
  catalog: Catalog,
  selection: Selection,
  vocabulary: Vocabulary,
): fc.Arbitrary<WrittenStatement> {
  const whats: readonly Selection[] = isAimed(selection) ? [selection] : vocabulary.rules.map(({ what }) => what)
  const near = relationsLike(catalog, {
    relations: whats.flatMap(({ relations }) => relations ?? []),
    columns: whats.flatMap(({ columns }) => columns ?? []),
  })
  const effects = effectsFor(selection)
  const access = selection.access ?? undefined
  const close = near.length === 0 ? [] : written(catalogWith(catalog, near), effects, access)
  const any = [
    ...written(catalog, effects, access),
    ...(access === undefined ? [] : written(catalog, effects, undefined)),
  ]
  const functions = [selection, ...vocabulary.rules.map(({ what }) => what)].flatMap(({ functions }) => functions ?? [])
  return fc.oneof(
    ...close.map(arbitrary => ({ weight: 6, arbitrary })),
    ...any.map(arbitrary => ({ weight: 2, arbitrary })),
    { weight: selection.functions == null ? 1 : 8, arbitrary: functionCalls(catalog, functions) },
  )
}

const isAimed = ({ relations, columns }: Partial<What>): boolean => relations != null || columns != null

/** What is asked for, with reading beside it: a statement that writes may read too. Code that is run may do anything. */
function effectsFor({ effects }: Selection): readonly Effect[] {
  if (effects == null || effects.includes('unknown')) return EFFECTS
  return [...new Set<Effect>([...effects, 'read', ...(effects.includes('dcl') ? (['ddl'] as const) : [])])]
}

/** None where nothing of the kind can be written about the catalog. */
function written(
  catalog: Catalog,
  effects: readonly Effect[],
  access: readonly Access[] | undefined,
): readonly fc.Arbitrary<WrittenStatement>[] {
  try {
    return [statements(catalog, { effects, ...(access === undefined ? {} : { access }) })]
  } catch {
    return []
  }
}
