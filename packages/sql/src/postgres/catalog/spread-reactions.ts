import type { Access, Reaction } from '@querywarden/policy-core'
import { TRUE } from './queries.ts'
import type { OwnReaction } from './reactions.ts'
import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * What a statement that names a relation sets off: what the relation reacts with by itself, what its partitions and
 * children do, and what a view reads does.
 */
export function spreadReactions(
  snapshot: Snapshot,
  own: ReadonlyMap<string, readonly OwnReaction[]>,
): ReadonlyMap<string, readonly Reaction[]> {
  if (own.size === 0) return new Map()
  const spread = new Map<string, Map<string, Reaction>>()
  const add = (relation: string, reaction: Reaction): void => {
    const known = spread.get(relation) ?? new Map<string, Reaction>()
    const key = identityOf(reaction)
    if (!known.has(key)) known.set(key, reaction)
    spread.set(relation, known)
  }
  for (const [relation, reactions] of own) for (const { reaction } of reactions) add(relation, reaction)
  spreadInFamilies(snapshot, own, add)
  spreadToViews(snapshot, spread, add)
  return new Map([...spread].map(([relation, reactions]) => [relation, [...reactions.values()]]))
}

/** Two that are the same but for the partition that they are on do the same. */
function identityOf(reaction: Reaction): string {
  const { kind, on } = reaction
  if (kind === 'trigger') {
    const { routine, definition, columns } = reaction
    return JSON.stringify([kind, on, routine.oid, definition, columns])
  }
  if (kind === 'cascade') return JSON.stringify([kind, on, reaction.relation, reaction.access])
  if (kind === 'rule') return JSON.stringify([kind, reaction.name, on])
  return JSON.stringify([kind, on, reaction.expression, reaction.clause, kind === 'default' ? reaction.name : ''])
}

type Add = (relation: string, reaction: Reaction) => void

function spreadInFamilies(snapshot: Snapshot, own: ReadonlyMap<string, readonly OwnReaction[]>, add: Add): void {
  const parents = new Map<string, string[]>()
  const children = new Map<string, string[]>()
  for (const [child = '', parent = ''] of snapshot.inheritance) {
    listAt(parents, child).push(parent)
    listAt(children, parent).push(child)
  }
  const partitions = new Set(
    snapshot.relations.flatMap(([oid, , , , isPartition]) => (isPartition === TRUE ? [oid] : [])),
  )
  for (const [relation, reactions] of own) {
    for (const { reaction, reach } of reactions) {
      const seenFromAbove = fromAbove(reaction, reach, partitions.has(relation))
      if (seenFromAbove !== null) for (const parent of reachedFrom(relation, parents)) add(parent, seenFromAbove)
      if (reach === 'key') for (const child of reachedFrom(relation, children)) add(child, reaction)
    }
  }
}

function reachedFrom(relation: string, edges: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set(edges.get(relation))
  for (const next of reached) for (const further of edges.get(next) ?? []) reached.add(further)
  return reached
}

/** What of a reaction a statement sets off that names a parent, or null. */
function fromAbove(reaction: Reaction, reach: OwnReaction['reach'], isPartition: boolean): Reaction | null {
  const { on } = reaction
  if (reach === 'relation') return null
  // TRUNCATE fires the statement triggers of every relation that it empties.
  if (reach === 'statement') return on.includes('truncate') ? { ...reaction, on: ['truncate'] } : null
  if (!isPartition) {
    const without = on.filter(access => access !== 'insert')
    return without.length === 0 ? null : { ...reaction, on: without }
  }
  const moves = on.includes('insert') || on.includes('delete')
  if (!moves || on.includes('update')) return moves ? withoutColumns(reaction, on) : reaction
  // An UPDATE of the parent that moves a row to another partition deletes it here and inserts it there.
  return withoutColumns(reaction, [...on, 'update'])
}

function withoutColumns(reaction: Reaction, on: readonly Access[]): Reaction {
  if (reaction.kind !== 'trigger') return { ...reaction, on }
  const { columns, ...rest } = reaction
  return { ...rest, on }
}

const VIEW_ACCESSES: ReadonlySet<Access> = new Set(['select', 'insert', 'update', 'delete', 'lock'])

/** Reading and changing a view reads and changes what it reads; filling a materialized one reads it. */
function spreadToViews(snapshot: Snapshot, spread: ReadonlyMap<string, ReadonlyMap<string, Reaction>>, add: Add): void {
  const kinds = new Map(snapshot.relations.map(([oid = '', , , kind]) => [oid, kind]))
  const reads = new Map<string, string[]>()
  for (const [view = '', relation = ''] of snapshot.viewReads) {
    const known = listAt(reads, view)
    if (known.at(-1) !== relation) known.push(relation)
  }
  const replaced = replacedEvents(snapshot)
  const done = new Set<string>()
  const visit = (view: string): void => {
    if (done.has(view)) return
    done.add(view)
    for (const relation of reads.get(view) ?? []) {
      visit(relation)
      for (const reaction of spread.get(relation)?.values() ?? []) {
        const on = onView(reaction, kinds.get(view) === 'm', replaced.get(view) ?? 0)
        if (on.length > 0) add(view, withoutColumns(reaction, on))
      }
    }
  }
  for (const view of reads.keys()) visit(view)
}

function onView({ on }: Reaction, isMaterialized: boolean, replaced: number): readonly Access[] {
  if (isMaterialized) return on.includes('select') ? ['maintain'] : []
  return on.filter(access => VIEW_ACCESSES.has(access) && (replaced & (EVENT_BITS[access] ?? 0)) === 0)
}

/** The bits of pg_trigger.tgtype (catalog/pg_trigger.h). */
const EVENT_BITS: Partial<Readonly<Record<Access, number>>> = { insert: 4, delete: 8, update: 16 }
const INSTEAD_OF = 64

/** By view, the events that a trigger stands in for, so that nothing of what the view reads is changed. */
function replacedEvents(snapshot: Snapshot): ReadonlyMap<string, number> {
  const replaced = new Map<string, number>()
  for (const [, relation = '', , bits = ''] of snapshot.triggers) {
    if ((Number(bits) & INSTEAD_OF) !== 0) replaced.set(relation, (replaced.get(relation) ?? 0) | Number(bits))
  }
  return replaced
}
