import type { Context } from './context.ts'
import { type Node, nameParts, nodeAt, nodesAt, textAt, typedNode } from './node.ts'
import { columnNamesOf, resolveRelation } from './relations.ts'

/** The relation that a statement writes to, as its WHERE can name it. */
export interface Target {
  readonly schema: string
  readonly name: string
  /** The alias, or the relation's own name where it has none. */
  readonly names: ReadonlySet<string>
  /** Null where the catalog doesn't know them. */
  readonly columns: ReadonlySet<string> | null
}

/** What the subqueries around a reference put before the target. */
interface Inner {
  readonly names: ReadonlySet<string>
  /** Null where they aren't known: any bare name may then be theirs. */
  readonly columns: ReadonlySet<string> | null
}

/** System columns that tell one row from another. tableoid is the same for all of them. */
const ROW_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax'])

/** The target of an UPDATE, DELETE or MERGE. */
export function targetOf(context: Context, range: Node): Target {
  const [schema, name] = [textAt(range, 'schemaname'), textAt(range, 'relname')]
  const alias = nodeAt(range, 'alias')
  const resolved = resolveRelation(context, schema, name)
  const columns = resolved.kind === 'known' ? columnNamesOf(resolved.relation) : null
  return { schema, name, names: new Set([alias === null ? name : textAt(alias, 'aliasname')]), columns }
}

/** Whether an expression depends on the target's row. In doubt it doesn't: a predicate then counts as no bound. */
export function refersTo(context: Context, expression: Node, target: Target): boolean {
  const pending: { readonly value: unknown; readonly inner: Inner }[] = [
    { value: expression, inner: { names: new Set(), columns: new Set() } },
  ]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, inner } = next
    if (Array.isArray(value)) for (const item of value) pending.push({ value: item, inner })
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    for (const [field, held] of Object.entries(value)) {
      if (field === 'ColumnRef' && isTargets(context, { ...held }, target, inner)) return true
      const isQuery = field === 'SelectStmt' || field === 'larg' || field === 'rarg'
      pending.push({ value: held, inner: isQuery ? within(context, { ...held }, inner) : inner })
    }
  }
  return false
}

function isTargets({ variables }: Context, reference: Node, target: Target, inner: Inner): boolean {
  const parts = nameParts(reference, 'fields')
  const [name = '', qualifier = ''] = [parts.at(-1), parts.at(-2)]
  // In PL/pgSQL a name that a variable has too is an error, or the variable by `#variable_conflict use_variable`.
  if (variables.has(parts.length > 1 ? qualifier : name)) return false
  if (parts.length > 1) return target.names.has(qualifier) && !inner.names.has(qualifier)
  if (inner.columns === null || inner.columns.has(name)) return false
  return target.columns === null || target.columns.has(name) || target.names.has(name) || ROW_COLUMNS.has(name)
}

/** What names mean inside a subquery: its own FROM hides what is around it. */
function within(context: Context, select: Node, outer: Inner): Inner {
  const names = new Set(outer.names)
  const columns = new Set(outer.columns)
  let known = outer.columns !== null
  for (const item of nodesAt(select, 'fromClause')) {
    const typed = typedNode(item)
    if (typed?.type !== 'RangeVar') {
      known = false
      continue
    }
    const inner = targetOf(context, typed.body)
    for (const name of inner.names) names.add(name)
    for (const column of inner.columns ?? []) columns.add(column)
    for (const column of ROW_COLUMNS) columns.add(column)
    known &&= inner.columns !== null
  }
  return { names, columns: known ? columns : null }
}
