import { isPure } from './expressions.ts'
import { TRUE } from './queries.ts'
import { routinesOf } from './routines.ts'
import type { Snapshot } from './snapshot.ts'
import type { TextKey, TextKind } from './texts.ts'
import { typesOf } from './types.ts'
import { readsOf } from './views.ts'

/** Where the text of an expression is found. A check of a domain is known by what it runs. */
const KINDS: Readonly<Record<string, TextKind>> = {
  default: 'default',
  stored: 'default',
  virtual: 'default',
  'type default': 'type default',
  check: 'check',
  using: 'using',
  'with check': 'with check',
  index: 'index',
  predicate: 'predicate',
  partition: 'partition',
  statistics: 'statistics',
  when: 'trigger',
}

/** The key of {@link Snapshot.texts} for a row of {@link Snapshot.expressions}. */
export function textKeyOf(row: readonly string[]): TextKey | null {
  const [kind = '', oid = ''] = row
  const known = KINDS[kind]
  return known === undefined ? null : { kind: known, oid }
}

/** What must be read: views that read relations, rules, the bodies that the server keeps parsed, and expressions that do more than compute. */
export function textsWanted(snapshot: Snapshot): readonly TextKey[] {
  const routines = routinesOf(snapshot)
  const { runsCode } = typesOf(snapshot, routines)
  const wanted = new Map<string, TextKey>()
  const want = (key: TextKey): unknown => wanted.set(`${key.kind} ${key.oid}`, key)
  for (const oid of readsOf(snapshot).keys()) want({ kind: 'view', oid })
  for (const [oid = ''] of snapshot.rules) want({ kind: 'rule', oid })
  for (const row of snapshot.routines) if (row[12] === 'parsed') want({ kind: 'body', oid: row[0] ?? '' })
  for (const [oid = '', , , , , , passes] of snapshot.triggers) if (passes === TRUE) want({ kind: 'trigger', oid })
  for (const row of snapshot.expressions) {
    const key = textKeyOf(row)
    if (key !== null && !isPure(row, routines, runsCode)) want(key)
  }
  return [...wanted.values()]
}
