import { flagAt, type Node, nodeAt, type TypedNode, textAt, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, bindFor, newFlow } from './binder.ts'
import { roleBit } from './flow.ts'
import { bindRangeFunction } from './functions.ts'
import { derivedItem, entryOf, relationItem } from './items.ts'
import { joinEntries } from './joins.ts'
import { type FromScope, type Item, inside, type Scope, withQueryNamed } from './scope.ts'
import { bindJsonTable, bindXmlTable } from './table-expressions.ts'

/** Binds the items of a FROM clause, in order. */
export function bindFrom(binder: Binder, items: readonly TypedNode[], scope: FromScope): void {
  for (const item of items) bindFromItem(binder, item, scope)
}

/** Binds one item of FROM and puts it into the scope. */
export function bindFromItem(binder: Binder, { type, body }: TypedNode, scope: FromScope): void {
  const add = (item: Item, name = ''): number => scope.entries.push(entryOf(body, item, name))
  switch (type) {
    case 'RangeVar': {
      const entry = entryOf(body, rangeItem(binder, body, scope), textAt(body, 'relname'))
      binder.watch?.reads(body, entry)
      scope.entries.push(entry)
      return
    }
    case 'RangeSubselect': {
      const query = typedAt(body, 'subquery')
      // One without LATERAL sees nothing of this FROM.
      if (query !== null) add(derivedItem(binder.query(query, flagAt(body, 'lateral') ? scope : scope.outer)))
      return
    }
    case 'RangeTableSample': {
      const sampled = typedAt(body, 'relation')
      if (sampled !== null) bindFromItem(binder, sampled, scope)
      bindFor(binder, [...typedNodesAt(body, 'args'), ...present(typedAt(body, 'repeatable'))], scope.outer, PREDICATE)
      return
    }
    case 'JoinExpr':
      bindJoin(binder, body, scope)
      return
    case 'RangeFunction':
      bindRangeFunction(binder, body, scope)
      return
    case 'RangeTableFunc':
      add(bindXmlTable(binder, body, scope), 'xmltable')
      return
    case 'JsonTable':
      add(bindJsonTable(binder, body, scope), 'json_table')
      return
    default:
      // What it would name can't be told, and an expression it isn't: that makes all lineage unknown.
      bindFor(binder, [{ type, body }], scope, 0)
      add(anyItem(binder))
  }
}

const PREDICATE = roleBit('predicate')
const JOIN = roleBit('join')

const present = (typed: TypedNode | null): readonly TypedNode[] => (typed === null ? [] : [typed])

/** An item of which nothing is known. */
function anyItem(binder: Binder): Item {
  const rest = newFlow(binder, binder.places.whole)
  rest.isUnknown = true
  return { fields: [], byName: null, isComplete: false, relations: [], rowTypes: 'any', rest, whole: null }
}

/** A WITH query, which only a bare name can mean, or a relation. */
function rangeItem(binder: Binder, range: Node, scope: Scope): Item {
  const isBare = textAt(range, 'schemaname') === '' && textAt(range, 'catalogname') === ''
  const query = isBare ? withQueryNamed(scope, textAt(range, 'relname')) : null
  return query === null ? relationItem(binder, range) : derivedItem(query.rows())
}

function bindJoin(binder: Binder, join: Node, scope: FromScope): void {
  const start = scope.entries.length
  const left = typedAt(join, 'larg')
  if (left !== null) bindFromItem(binder, left, scope)
  const middle = scope.entries.length
  const right = typedAt(join, 'rarg')
  if (right !== null) bindFromItem(binder, right, scope)
  const place = right === null ? binder.places.whole : binder.places.of(right.body)
  const joined = joinEntries(binder, join, scope.entries.slice(start, middle), scope.entries.slice(middle), place)
  const condition = typedAt(join, 'quals')
  // ON sees the two sides of its join and nothing else of this FROM.
  if (condition !== null) bindFor(binder, [condition], inside(scope.outer, scope.entries.slice(start)), JOIN)
  if (joined === null) return
  const isAliased = nodeAt(join, 'alias') !== null
  const inner = isAliased ? [] : scope.entries.slice(start).map(entry => ({ ...entry, isOpen: false }))
  scope.entries.length = start
  scope.entries.push(...inner, ...joined)
}
