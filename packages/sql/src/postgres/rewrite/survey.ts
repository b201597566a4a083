import { flagAt, type Node, nameParts, nodeAt, numberAt, type TypedNode, textAt, typedNodesAt } from '../node.ts'
import { disagreement, type Impossible } from './impossible.ts'
import { childrenOf, countField, type Standing } from './walk-tree.ts'

/** What a relation's name stands for where it is written. */
export type Position =
  /** Its rows are read: in FROM, USING and their like. */
  | 'read'
  /** It is changed, locked or emptied. */
  | 'target'
  /** COPY … TO. */
  | 'copied'
  /** TABLESAMPLE. */
  | 'sampled'
  | 'other'

/** One relation's name in a statement. */
export interface Range {
  readonly node: Node
  readonly position: Position
  readonly schema: string
  readonly name: string
  readonly alias: string | null
  /** In UTF-8 bytes. */
  readonly location: number
  /** Whether it names a WITH query in sight. */
  readonly isCte: boolean
  /** The TABLESAMPLE around it, or null. */
  readonly sample: Node | null
}

/** A reference that names the schema: `schema.relation.column`. */
export interface QualifiedReference {
  readonly node: Node
  readonly schema: string
  readonly name: string
  readonly location: number
  /** How many parts come before the column. */
  readonly qualifiers: number
}

/** A name that is one of a system column, where it may be one. */
export interface SystemColumn {
  readonly name: string
  readonly location: number
  /** It stands in a reference, and not in JOIN USING or behind a value. */
  readonly isReference: boolean
}

/** All that the rewriter must know of a statement's tree. */
export interface Survey {
  readonly ranges: readonly Range[]
  readonly references: readonly QualifiedReference[]
  /** The names that FROM items without a relation of their own go by. */
  readonly otherNames: ReadonlySet<string>
  /** The system columns that are named. */
  readonly systemColumns: readonly SystemColumn[]
  readonly hasCurrentOf: boolean
}

const POSITIONS: Readonly<Record<string, Position>> = {
  'SelectStmt.fromClause': 'read',
  'JoinExpr.larg': 'read',
  'JoinExpr.rarg': 'read',
  'UpdateStmt.fromClause': 'read',
  'DeleteStmt.usingClause': 'read',
  'MergeStmt.sourceRelation': 'read',
  'InsertStmt.relation': 'target',
  'UpdateStmt.relation': 'target',
  'DeleteStmt.relation': 'target',
  'MergeStmt.relation': 'target',
  'TruncateStmt.relations': 'target',
  'LockStmt.relations': 'target',
  'RangeTableSample.relation': 'sampled',
}

/** System columns of tables (manual, 5.6), which a subquery in place of the table doesn't have. */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'])

interface Around {
  readonly ctes: ReadonlySet<string>
  /** The RangeTableSample right above. */
  readonly sample: Node | null
  /** Whether the CopyStmt right above takes rows in. */
  readonly copiesIn: boolean
}

interface Findings {
  readonly ranges: Range[]
  /** How many names FOR UPDATE OF and its kin give: of what stands in FROM, and of no relation besides. */
  locked: number
  readonly references: QualifiedReference[]
  readonly otherNames: Set<string>
  readonly systemColumns: SystemColumn[]
  hasCurrentOf: boolean
}

/** Looks through a whole statement. By its own walk, so that it can be held against what the classifier saw. */
export function surveyTree(root: TypedNode): Survey | Impossible {
  const findings: Findings = {
    ranges: [],
    locked: 0,
    references: [],
    otherNames: new Set(),
    systemColumns: [],
    hasCurrentOf: false,
  }
  const outermost: Around = { ctes: new Set(), sample: null, copiesIn: false }
  const pending: { readonly node: Standing; readonly around: Around }[] = [
    { node: { type: root.type, body: root.body, at: '' }, around: outermost },
  ]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, around } = next
    note(findings, node, around)
    const children = childrenOf(node)
    if (children === null) return disagreement(`the statement has a part of an unknown kind, \`${node.type}\``)
    const inner = enter(node, around)
    for (const child of children) {
      if (child.type === 'WithClause') pending.push(...withQueries(child, inner.outside))
      else pending.push({ node: child, around: inner.inside })
    }
  }
  if (countField(root.body, 'relname') !== findings.ranges.length + findings.locked) {
    return disagreement('a relation is named where none was expected')
  }
  return findings
}

/** What holds inside a node: for its parts, and for the queries of its WITH clause, which don't see one another yet. */
function enter({ type, body }: Standing, around: Around): { readonly inside: Around; readonly outside: Around } {
  const sample = type === 'RangeTableSample' ? body : null
  const outside = { ...around, sample, copiesIn: type === 'CopyStmt' && flagAt(body, 'is_from') }
  const clause = nodeAt(body, 'withClause')
  if (clause === null) return { inside: outside, outside }
  return { inside: { ...outside, ctes: new Set([...around.ctes, ...namesOf(clause)]) }, outside }
}

const namesOf = (clause: Node): readonly string[] =>
  typedNodesAt(clause, 'ctes').map(({ body }) => textAt(body, 'ctename'))

/** Each query sees those before it; under RECURSIVE, all of them (transformWithClause in parse_cte.c). */
function withQueries(
  clause: Standing,
  outside: Around,
): readonly { readonly node: Standing; readonly around: Around }[] {
  const names = namesOf(clause.body)
  const isRecursive = flagAt(clause.body, 'recursive')
  return typedNodesAt(clause.body, 'ctes').map((query, at) => {
    const seen = isRecursive ? names : names.slice(0, at)
    return {
      node: { ...query, at: 'WithClause.ctes' },
      around: { ...outside, ctes: new Set([...outside.ctes, ...seen]) },
    }
  })
}

function note(findings: Findings, node: Standing, around: Around): void {
  const { type, body } = node
  if (type === 'RangeVar' && node.at === 'LockingClause.lockedRels') findings.locked += 1
  else if (type === 'RangeVar') findings.ranges.push(rangeOf(node, around))
  else if (type === 'ColumnRef') noteReference(findings, body)
  else if (type === 'A_Indirection') noteSystemColumn(findings, nameParts(body, 'indirection'), body)
  else if (type === 'CurrentOfExpr') findings.hasCurrentOf = true
  else if (type === 'JoinExpr') noteSystemColumn(findings, nameParts(body, 'usingClause'), body)
  if (type !== 'RangeVar')
    for (const field of ['alias', 'join_using_alias']) {
      const alias = nodeAt(body, field)
      if (alias !== null) findings.otherNames.add(textAt(alias, 'aliasname'))
    }
  // A function in FROM without an alias goes by its own name.
  if (type === 'FuncCall') for (const part of nameParts(body, 'funcname')) findings.otherNames.add(part)
}

function rangeOf({ at, body }: Standing, around: Around): Range {
  const [schema, name] = [textAt(body, 'schemaname'), textAt(body, 'relname')]
  const alias = nodeAt(body, 'alias')
  const copied: Position = around.copiesIn ? 'target' : 'copied'
  const position = at === 'CopyStmt.relation' ? copied : (POSITIONS[at] ?? 'other')
  const isBare = schema === '' && textAt(body, 'catalogname') === ''
  return {
    node: body,
    position,
    schema,
    name,
    alias: alias === null ? null : textAt(alias, 'aliasname'),
    location: numberAt(body, 'location'),
    // The target of a change is never a WITH query.
    isCte: isBare && around.ctes.has(name) && (position === 'read' || position === 'sampled'),
    sample: position === 'sampled' ? around.sample : null,
  }
}

function noteReference(findings: Findings, reference: Node): void {
  const parts = nameParts(reference, 'fields')
  noteSystemColumn(findings, parts, reference, true)
  const qualifiers = typedNodesAt(reference, 'fields').length - 1
  const [schema, name] = parts.slice(qualifiers - 2, qualifiers)
  if (qualifiers < 2 || schema === undefined || name === undefined) return
  findings.references.push({ node: reference, schema, name, location: numberAt(reference, 'location'), qualifiers })
}

function noteSystemColumn(findings: Findings, names: readonly string[], node: Node, isReference = false): void {
  const name = names.find(each => SYSTEM_COLUMNS.has(each))
  if (name !== undefined) findings.systemColumns.push({ name, location: numberAt(node, 'location'), isReference })
}
