import type { Catalog } from '@querywarden/policy-core'
import { SqlError } from '../sql-error.ts'
import { linked, type UnlinkedRelation, unlinked } from './view-links.ts'

/** The version of what {@link writeCatalog} writes. */
const VERSION = 1
const KIND = 'querywarden-catalog'

/**
 * Writes a catalog as a JSON text that {@link readCatalog} reads back to an equal one. Relations stand on lines of their
 * own, so that a difference between two snapshots shows as lines.
 *
 * @example
 * await writeFile('app.catalog.json', writeCatalog(await loadCatalog(query, { searchPath: ['public'] })))
 */
export function writeCatalog(catalog: Catalog): string {
  const saved = {
    ...catalog,
    relations: new Map([...catalog.relations].map(([key, relation]) => [key, unlinked(relation)])),
  }
  const fields = Object.entries(saved).map(([name, value]) => `    ${JSON.stringify(name)}: ${linesOf(plain(value))}`)
  return `{\n  "kind": "${KIND}",\n  "version": ${VERSION},\n  "catalog": {\n${fields.join(',\n')}\n  }\n}\n`
}

/**
 * Reads a catalog that {@link writeCatalog} has written.
 *
 * @throws SqlError `MALFORMED_CATALOG` where the text is something else, or of another version.
 * @example
 * const catalog = readCatalog(await readFile('app.catalog.json', 'utf8'))
 */
export function readCatalog(text: string): Catalog {
  const saved = parsed(text)
  if (!isRecord(saved) || saved['kind'] !== KIND)
    throw malformed('the text is no saved catalog, expected what `querywarden policy catalog` writes')
  if (saved['version'] !== VERSION)
    throw malformed(`the saved catalog is of another version, expected ${VERSION}: save it anew`)
  const catalog = revived(saved['catalog'])
  if (!isCatalog(catalog)) throw malformed('the saved catalog lacks a part or has a wrong one: save it anew')
  return { ...catalog, relations: linked(catalog.relations) }
}

const malformed = (message: string): SqlError => new SqlError('MALFORMED_CATALOG', message)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('the text is no JSON, expected a saved catalog')
  }
}

/** What JSON has no form for stands in an object with this one key. */
const MAP = '$map'
const SET = '$set'
const NUMBER = '$number'

/** A value in terms of JSON. A catalog has no keys that begin like those, and none that are functions. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return { [MAP]: [...value].map(([key, held]) => [key, plain(held)]) }
  if (value instanceof Set) return { [SET]: [...value].map(plain) }
  if (Array.isArray(value)) return value.map(plain)
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plain(held)]))
  return value === Number.POSITIVE_INFINITY ? { [NUMBER]: 'infinite' } : value
}

function revived(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revived)
  if (!isRecord(value)) return value
  const [map, set] = [value[MAP], value[SET]]
  if (Array.isArray(map)) return new Map(map.map(pairOf))
  if (Array.isArray(set)) return new Set(set.map(revived))
  if (value[NUMBER] === 'infinite') return Number.POSITIVE_INFINITY
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, revived(held)]))
}

function pairOf(pair: unknown): [unknown, unknown] {
  if (!Array.isArray(pair) || pair.length !== 2) throw malformed('a map of the saved catalog is damaged: save it anew')
  return [pair[0], revived(pair[1])]
}

/** A list or map with each of its parts on a line. */
function linesOf(value: unknown): string {
  const held = isRecord(value) ? (value[MAP] ?? value[SET]) : null
  if (!Array.isArray(held) || held.length === 0) return JSON.stringify(value)
  const name = isRecord(value) && MAP in value ? MAP : SET
  return `{ "${name}": [\n${held.map(part => `      ${JSON.stringify(part)}`).join(',\n')}\n    ] }`
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

type UnlinkedCatalog = Omit<Catalog, 'relations'> & { readonly relations: ReadonlyMap<string, UnlinkedRelation> }

/** Looks at what everything else rests on; a file that was written by hand is its writer's own affair. */
const isCatalog = (value: unknown): value is UnlinkedCatalog =>
  isRecord(value) &&
  typeof value['fingerprint'] === 'string' &&
  typeof value['major'] === 'number' &&
  Array.isArray(value['searchPath']) &&
  MAPS.every(name => value[name] instanceof Map) &&
  value['userRowFunctions'] instanceof Set &&
  value['relations'] instanceof Map &&
  [...value['relations'].values()].every(isRelation)

const MAPS = ['relations', 'userFunctions', 'userOperators', 'userTypes'] as const

const isRelation = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['schema'] === 'string' &&
  typeof value['name'] === 'string' &&
  Array.isArray(value['reactions']) &&
  Array.isArray(value['columns']) &&
  value['columns'].every(column => isRecord(column) && Array.isArray(column['origins'])) &&
  (value['view'] === undefined || isView(value['view']))

const isView = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['text'] === 'string' &&
  Array.isArray(value['reads']) &&
  value['reads'].every(read => isRecord(read) && typeof read['schema'] === 'string' && typeof read['name'] === 'string')
