import type { ViewDefinition } from '@querywarden/policy-core'
import { TRUE } from './queries.ts'
import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/** A view's definition, with the relations that it reads by their oids. */
export type ViewByOid = Omit<ViewDefinition, 'reads'> & { readonly reads: readonly string[] }

/** By view, the relations of the database that its definition reads, each once. */
export function readsOf({
  relations,
  viewReads,
}: Pick<Snapshot, 'relations' | 'viewReads'>): ReadonlyMap<string, readonly string[]> {
  const ours = new Set(relations.map(([oid]) => oid))
  const reads = new Map<string, string[]>()
  const seen = new Set<string>()
  for (const [view = '', relation = ''] of viewReads) {
    const key = `${view} ${relation}`
    if (seen.has(key) || !ours.has(view) || !ours.has(relation)) continue
    seen.add(key)
    listAt(reads, view).push(relation)
  }
  return reads
}

/** What views show, by their oids. Those that read no relation hide nothing; those that couldn't be read aren't known. */
export function viewsOf(snapshot: Snapshot): ReadonlyMap<string, ViewByOid> {
  const reads = readsOf(snapshot)
  const texts = new Map(snapshot.texts.flatMap(([kind, oid = '', text = '']) => (kind === 'view' ? [[oid, text]] : [])))
  const stored = new Set(snapshot.relations.flatMap(([oid, , , kind]) => (kind === 'm' ? [oid] : [])))
  const views = new Map<string, ViewByOid>()
  for (const [oid = '', isBarrier, isInvoker] of snapshot.viewOptions) {
    const text = (texts.get(oid) ?? '').trim().replace(/;$/, '')
    if (text === '') continue
    views.set(oid, {
      text,
      isMaterialized: stored.has(oid),
      isSecurityBarrier: isBarrier === TRUE,
      isSecurityInvoker: isInvoker === TRUE,
      reads: reads.get(oid) ?? [],
    })
  }
  return views
}
