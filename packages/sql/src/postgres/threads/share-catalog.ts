import { setImmediate } from 'node:timers/promises'
import { deserialize, serialize } from 'node:v8'
import type { Catalog, CatalogRoutine } from '@querywarden/policy-core'
import { boundedCache } from '../cache.ts'
import { linked, type UnlinkedRelation, unlinked } from '../catalog/view-links.ts'
import type { CatalogPart, SharedCatalog } from './messages.ts'

/** A few of each target's: as it is, and as it was a moment ago. */
const CATALOGS_MAX = 16
/** Entries of a map that are serialized in one go: less than a millisecond's work, mostly. */
const ENTRIES_MAX = 32

/** Under which a catalog is known to threads. */
export const catalogKey = ({ fingerprint, major }: Catalog): string => JSON.stringify([fingerprint, major])

/** Serializes catalogs into memory that threads share: once each, and in steps, so that nobody waits for a large one. */
export function catalogSharing(): (catalog: Catalog) => Promise<SharedCatalog> {
  const known = boundedCache<Promise<SharedCatalog>>(CATALOGS_MAX)
  return catalog => {
    const key = catalogKey(catalog)
    const before = known.get(key)
    if (before !== undefined) return before
    const shared = share(key, catalog)
    known.set(key, shared)
    return shared
  }
}

async function share(key: string, catalog: Catalog): Promise<SharedCatalog> {
  const parts: SharedArrayBuffer[] = []
  const add = async (part: CatalogPart): Promise<void> => {
    const bytes = serialize(part)
    const shared = new SharedArrayBuffer(bytes.length)
    new Uint8Array(shared).set(bytes)
    parts.push(shared)
    await setImmediate()
  }
  await add({ kind: 'head', catalog: { ...catalog, relations: new Map(), userFunctions: new Map() } })
  for (const entries of stretches(catalog.relations))
    await add({ kind: 'relations', entries: entries.map(([name, relation]) => [name, unlinked(relation)]) })
  for (const entries of stretches(catalog.userFunctions)) await add({ kind: 'functions', entries })
  return { key, parts }
}

function* stretches<Value>(map: ReadonlyMap<string, Value>): Generator<readonly (readonly [string, Value])[]> {
  let entries: (readonly [string, Value])[] = []
  for (const entry of map) {
    entries.push(entry)
    if (entries.length < ENTRIES_MAX) continue
    yield entries
    entries = []
  }
  yield entries
}

/** Reads a shared catalog: the same as was shared, but for which of its parts are the same object. */
export function readCatalog({ parts }: SharedCatalog): Catalog | null {
  const relations = new Map<string, UnlinkedRelation>()
  const userFunctions = new Map<string, readonly CatalogRoutine[]>()
  let head: Catalog | null = null
  for (const shared of parts) {
    const part: CatalogPart = deserialize(Buffer.from(new Uint8Array(shared)))
    if (part.kind === 'head') head = part.catalog
    else if (part.kind === 'relations') for (const [key, relation] of part.entries) relations.set(key, relation)
    else for (const [name, routines] of part.entries) userFunctions.set(name, routines)
  }
  return head === null ? null : { ...head, relations: linked(relations), userFunctions }
}
