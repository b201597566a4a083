import type { Catalog, Facts, MaskedRelation, MaskSql } from '@querywarden/policy-core'
import type { Grammar } from '../../engine.ts'
import type { TypedNode } from '../../node.ts'
import type { Places } from '../../places.ts'
import type { Impossible } from '../impossible.ts'
import type { Change } from '../rewrite-ranges.ts'
import type { Survey } from '../survey.ts'
import type { TextCursor } from '../text-cursor.ts'
import { planGuards } from './plan-guards.ts'
import { planReferences } from './plan-references.ts'
import type { Sightings } from './sightings.ts'
import { targetsIn } from './targets.ts'

/** All that is known of a statement that is to be changed. */
export interface ChangesInput {
  readonly facts: Extract<Facts, { kind: 'understood' }>
  readonly masks: readonly MaskedRelation[]
  readonly maskSql: MaskSql
  readonly catalog: Catalog
  readonly grammar: Grammar
  readonly cursor: TextCursor
  readonly places: Places
  readonly survey: Survey
  readonly statement: TypedNode
}

/**
 * The changes of a statement that changes relations with masked columns itself: what it reads of them where it changes
 * them, in WHERE, ON, SET and RETURNING, becomes its mask; what it assigns to them is guarded.
 */
export function planTargets(input: ChangesInput, sightings: Sightings): readonly (Change | Impossible)[] {
  const targets = targetsIn(input, sightings)
  if (!('size' in targets)) return [targets]
  if (targets.size === 0) return []
  return [...planGuards(input, sightings, targets), ...planReferences(input, sightings, targets)]
}
