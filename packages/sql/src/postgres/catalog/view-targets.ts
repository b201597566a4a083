import type { Access, CatalogRelation } from '@querywarden/policy-core'
import { TRUE } from './queries.ts'
import type { Snapshot } from './snapshot.ts'

/** The accesses by which a view is written to, with their bits of pg_trigger.tgtype and their pg_rewrite.ev_type. */
const WRITES: readonly (readonly [access: Access, bit: number, event: string])[] = [
  ['insert', 4, '3'],
  ['update', 16, '2'],
  ['delete', 8, '4'],
]
const INSTEAD_OF = 64

/**
 * By view, what a write to it writes to. Nothing by the accesses that an INSTEAD OF trigger or an INSTEAD rule stands in for:
 * with a rule that has a condition, and no other, the server refuses them (rewriteTargetView in rewriteHandler.c).
 */
export function viewTargetsOf(snapshot: Snapshot): ReadonlyMap<string, NonNullable<CatalogRelation['writesTo']>> {
  const paths = new Map(snapshot.relations.map(([oid = '', schema = '', name = '']) => [oid, { schema, name }]))
  const replaced = replacedWrites(snapshot)
  const targets = new Map<string, NonNullable<CatalogRelation['writesTo']>>()
  for (const [view = '', oid = ''] of snapshot.viewTargets) {
    const relation = paths.get(oid)
    const accesses = WRITES.flatMap(([access]) => (replaced.has(`${view} ${access}`) ? [] : [access]))
    if (relation !== undefined && accesses.length > 0) targets.set(view, { relation, accesses })
  }
  return targets
}

/** View and access, each that something stands in for. */
function replacedWrites({ triggers, rules }: Snapshot): ReadonlySet<string> {
  const replaced = new Set<string>()
  for (const [access, bit, event] of WRITES) {
    for (const [, view = '', , bits = ''] of triggers)
      if ((Number(bits) & INSTEAD_OF) !== 0 && (Number(bits) & bit) !== 0) replaced.add(`${view} ${access}`)
    for (const [, view = '', , type, isInstead] of rules)
      if (isInstead === TRUE && type === event) replaced.add(`${view} ${access}`)
  }
  return replaced
}
