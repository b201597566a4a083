import {
  type ColumnMention,
  type Place,
  type Prohibition,
  relationKey,
  type Use,
  type UsedColumn,
  type UsedRelation,
} from '@querywarden/policy-core'
import type { Context, RangeEntry } from '../context.ts'
import { type Node, numberAt } from '../node.ts'
import type { Places } from '../places.ts'
import type { Code } from './run.ts'

/** What running some code does, gathered. */
export interface Findings {
  /** Relations with no columns but those that may be read. Places say nothing. */
  readonly uses: Use[]
  readonly prohibitions: Prohibition[]
  /** What it runs in turn. */
  readonly codes: Code[]
  /** Columns of the row that a trigger fires for, by name, whose values may go elsewhere; `*` for all. */
  readonly passedOn: Set<string>
  /** Whether it shows values in messages. */
  raises: boolean
  /** The search path that it sets for itself, and so for what it runs; null where it runs under its caller's. */
  searchPath: readonly string[] | null
}

export const noFindings = (): Findings => ({
  uses: [],
  prohibitions: [],
  codes: [],
  passedOn: new Set(),
  raises: false,
  searchPath: null,
})

export const NOWHERE: Place = { start: 0, end: 0 }

/** Places in code that no statement shows: each node's is another, and none means anything. */
export const codePlaces: Places = {
  of: (node: Node) => ({ start: numberAt(node, 'location'), end: numberAt(node, 'location') }),
  whole: NOWHERE,
}

export function findUnknown(findings: Findings, why: string): void {
  findings.uses.push({ kind: 'statement', effect: 'unknown', why, place: NOWHERE })
}

/** System columns: every relation has them, and none is masked. */
export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'])

/** What one walk says of the columns that it reads. */
export type Mentioned = Pick<Context, 'mentions' | 'ranges'>

/** A relation with no columns but those that a walk may read: by their names, or as a whole row. */
export function asRead(relation: UsedRelation, { mentions, ranges }: Mentioned): UsedRelation {
  const names = new Set(relation.columns.map(column => column.name))
  const mayBe = (entries: readonly RangeEntry[] | undefined): boolean =>
    entries === undefined ||
    entries.some(({ kind, columns }) => kind !== 'relation' || columns === null || isSame(columns, names))
  const isWhole = ({ name, qualifier }: ColumnMention): boolean => {
    const [table] = qualifier.slice(-1)
    if (name === '*') return table === undefined || mayBe(ranges.get(table))
    if (table === undefined || names.has(name) || SYSTEM_COLUMNS.has(name)) return false
    return ranges.has(table) && mayBe(ranges.get(table))
  }
  if (mentions.some(isWhole)) return relation
  const read = new Set(mentions.map(({ name }) => name))
  return { ...relation, columns: relation.columns.filter(column => read.has(column.name)) }
}

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every(name => b.has(name))

/** Uses with each but once: those that differ in nothing but the columns they read are one that reads them all. */
export function merged(uses: readonly Use[]): readonly Use[] {
  const kept = new Map<string, Use>()
  for (const use of uses) {
    const key = keyOf(use)
    const known = kept.get(key)
    if (known === undefined) kept.set(key, use)
    else if (known.kind === 'relation' && use.kind === 'relation') kept.set(key, joined(known, use.relation.columns))
  }
  return [...kept.values()]
}

function joined(use: Extract<Use, { kind: 'relation' }>, columns: readonly UsedColumn[]): Use {
  const known = new Set(use.relation.columns.map(column => column.attnum))
  const more = columns.filter(column => !known.has(column.attnum))
  if (more.length === 0) return use
  const all = [...use.relation.columns, ...more].sort((a, b) => a.attnum - b.attnum)
  return { ...use, relation: { ...use.relation, columns: all } }
}

function keyOf(use: Use): string {
  switch (use.kind) {
    case 'relation':
      return JSON.stringify([use.effect, use.access, relationKey(use.relation), use.unbounded, use.tag])
    case 'function':
      return JSON.stringify([use.effect, use.function, use.tag])
    case 'statement':
      return JSON.stringify([use.effect, use.tag])
  }
}
