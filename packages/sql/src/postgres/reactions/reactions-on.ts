import { type Catalog, type Reaction, relationKey, type Use } from '@querywarden/policy-core'
import type { Run, WriteNotes } from '../routines/run.ts'

type RelationUse = Extract<Use, { kind: 'relation' }>

/** What the relation of a use does by itself when it is used so. */
export function reactionsOn(catalog: Catalog, use: Use, writes: WriteNotes): readonly Run[] {
  // What is behind a view reacts by way of the view, which has its reactions too.
  if (use.kind !== 'relation' || use.via?.kind === 'view') return []
  const { access, place } = use
  const relation = catalog.relations.get(relationKey(use.relation))
  if (relation === undefined) return []
  // A write that EXPLAIN plans: rows stay as they are, but expressions are looked into, and rules rewrite it.
  const isPlanned = use.effect === 'read' && access !== 'select' && access !== 'copy'
  return relation.reactions
    .filter(reaction => isSetOff(reaction, use, writes) && !(isPlanned && FIRED.has(reaction.kind)))
    .map(reaction => ({
      code: { kind: 'reaction', relation, reaction, access },
      via: { kind: AGENCY[reaction.kind], name: reaction.name },
      place,
      isPlanned,
    }))
}

/** What is set off by rows that are written, never by a plan. */
const FIRED: ReadonlySet<Reaction['kind']> = new Set(['trigger', 'cascade'])

/** What runs for every row of a table that is written or checked anew. */
const REWRITING: ReadonlySet<Reaction['kind']> = new Set(['check', 'default', 'generated', 'index', 'partition'])

const AGENCY = {
  trigger: 'trigger',
  rule: 'rule',
  cascade: 'cascade',
  default: 'default',
  check: 'check',
  generated: 'generated',
  policy: 'policy',
  index: 'index',
  partition: 'partition',
} as const

function isSetOff(reaction: Reaction, use: RelationUse, writes: WriteNotes): boolean {
  const { access } = use
  if (access === 'ddl') return writes.rewrites && REWRITING.has(reaction.kind)
  if (!reaction.on.includes(access === 'copy' && use.effect === 'read' ? 'select' : access))
    return reaction.kind === 'policy' && reaction.on.some(each => POLICY_SCOPE[access]?.includes(each) === true)
  if (reaction.kind === 'cascade') return reaction.access !== 'truncate' || writes.cascades
  return reaction.kind !== 'trigger' || access !== 'update' || isAssigned(reaction, use, writes)
}

/** Rows to be changed or locked must be seen, and are then held to the policies of both. */
const POLICY_SCOPE: Readonly<Record<string, readonly string[]>> = {
  update: ['select'],
  delete: ['select'],
  insert: ['select'],
  lock: ['select', 'update'],
}

/** UPDATE OF: whether one of the columns is assigned to, or the trigger is on another relation of its family. */
function isAssigned(
  { name, columns }: Extract<Reaction, { kind: 'trigger' }>,
  { relation }: RelationUse,
  writes: WriteNotes,
): boolean {
  if (columns === undefined || !name.startsWith(`${relation.schema}.${relation.name}.`)) return true
  const assigned = writes.assigned.get(relationKey(relation))
  return assigned === undefined || columns.some(column => assigned.has(column))
}
