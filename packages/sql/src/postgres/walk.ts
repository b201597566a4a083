import type { Catalog, Prohibition, Use } from '@querywarden/policy-core'
import { COMMANDS, type Command, visitNew, visitSetInside } from './commands.ts'
import { type Context, OUTERMOST, type Scope, tagUses, type Visitor } from './context.ts'
import { DEFINITIONS, type Declared, tagOf, useDefinition } from './ddl.ts'
import { DML_VISITORS } from './dml.ts'
import type { Major } from './engine.ts'
import { EXPRESSION_VISITORS } from './expressions.ts'
import { useColumnCalls, useFieldLikes, useValueColumns, useWholeRows } from './late-checks.ts'
import { isNode, nodeAt, type TypedNode, typedNode } from './node.ts'
import { fieldsOf, type NodesRuled, ruleOf } from './node-rules.ts'
import type { Places } from './places.ts'
import { QUERY_VISITORS } from './queries.ts'

/** Parse trees deeper than this are refused: the walk is recursive, and must not run out of stack. */
const DEPTH_MAX = 1500

const visitInto: Visitor = (context, into) => {
  const rel = nodeAt(into, 'rel')
  if (rel !== null) visitNew(context, rel)
}

/** What stands in place of a node, and is no statement. */
const OTHER_VISITORS: Readonly<Record<NodesRuled<'other'>, Visitor>> = { IntoClause: visitInto }

const DECLARED: ReadonlyMap<string, Declared> = new Map(Object.entries(DEFINITIONS))
const COMMAND: ReadonlyMap<string, Command> = new Map(Object.entries(COMMANDS))

const visitDefinition: Visitor = (context, _, scope, typed) => {
  const declared = DECLARED.get(typed.type)
  if (declared !== undefined) useDefinition(context, declared, typed, scope)
}

/** Every node type that is more than the sum of its fields. */
export const VISITORS: ReadonlyMap<string, Visitor> = new Map<string, Visitor>([
  ...Object.entries(EXPRESSION_VISITORS),
  ...Object.entries(QUERY_VISITORS),
  ...Object.entries(DML_VISITORS),
  ...Object.entries(OTHER_VISITORS),
  ...Object.entries(COMMANDS).map(([type, { visit }]) => [type, visit] as const),
  ...Object.keys(DEFINITIONS).map(type => [type, visitDefinition] as const),
])

const DML_TAGS: ReadonlyMap<string, string> = new Map([
  ['SelectStmt', 'SELECT'],
  ['InsertStmt', 'INSERT'],
  ['UpdateStmt', 'UPDATE'],
  ['DeleteStmt', 'DELETE'],
  ['MergeStmt', 'MERGE'],
])

/** The tag of a statement, as its CommandComplete has it; null for a node that is no statement. */
export function tagOfStatement({ type, body }: TypedNode): string | null {
  const declared = DECLARED.get(type)
  return DML_TAGS.get(type) ?? COMMAND.get(type)?.tag(body) ?? (declared === undefined ? null : tagOf(declared, body))
}

/** What a walk found. */
export interface Walked {
  readonly uses: readonly Use[]
  readonly prohibitions: readonly Prohibition[]
  readonly mentions: Context['mentions']
  readonly calls: Context['calls']
  readonly copy: Context['copy']
  readonly copyFormat: Context['copyFormat']
  readonly runs: Context['runs']
  readonly writes: Context['writes']
  readonly ranges: Context['ranges']
  readonly trouble: Context['trouble']
}

const NO_VARIABLES: ReadonlySet<string> = new Set()

/**
 * Walks one statement, or any other node that is known, once over every node of its tree. `variables`: names that PL/pgSQL
 * puts before columns.
 */
export function walk(
  statement: TypedNode,
  catalog: Catalog,
  major: Major,
  places: Places,
  nodesMax: number,
  variables: ReadonlySet<string> = NO_VARIABLES,
): Walked {
  let nodes = 0
  let depth = 0
  const context: Context = {
    catalog,
    major,
    places,
    uses: [],
    prohibitions: [],
    mentions: [],
    calls: [],
    ranges: new Map(),
    qualified: [],
    columnCalls: [],
    selectStars: new Map(),
    runs: [],
    writes: { assigned: new Map(), cascades: false, rewrites: false },
    variables,
    trouble: null,
    copy: null,
    copyFormat: null,
    visit: (typed, scope) => {
      nodes += 1
      if (nodes > nodesMax || depth > DEPTH_MAX)
        context.trouble ??= { code: 'TOO_COMPLEX', message: 'the parse tree is too large or too deep' }
      if (context.trouble !== null) return
      depth += 1
      visitNode(context, typed, scope, depth === 1)
      depth -= 1
    },
    visitFields: (typed, scope, except = NO_FIELDS) => visitFields(context, typed, scope, except),
  }
  context.visit(statement, OUTERMOST)
  useFieldLikes(context)
  useColumnCalls(context)
  useWholeRows(context)
  useValueColumns(context)
  return context
}

const NO_FIELDS: readonly string[] = []

function visitNode(context: Context, typed: TypedNode, scope: Scope, isOutermost: boolean): void {
  const visitor = VISITORS.get(typed.type)
  if (visitor !== undefined) {
    const inside = isOutermost ? undefined : VISITORS_INSIDE.get(typed.type)
    const visit = inside ?? visitor
    visit(context, typed.body, scope, typed)
    return
  }
  const rule = ruleOf(typed.type)
  if (rule === 'passive') visitFields(context, typed, scope, NO_FIELDS)
  else if (rule !== 'leaf')
    context.trouble ??= { code: 'UNKNOWN_NODE', message: `the node type \`${typed.type}\` is not known` }
}

/** Statements that run what was made ready earlier. By themselves, whoever keeps the names knows what that is. */
const naming = (type: 'ExecuteStmt' | 'FetchStmt'): readonly [string, Visitor] => [
  type,
  (context, node, scope, typed) => {
    prohibitNaming(context)
    COMMANDS[type].visit(context, node, scope, typed)
  },
]

/** What a statement within another one does has its tag. */
function tagging(type: string): readonly (readonly [string, Visitor])[] {
  const visit = VISITORS.get(type)
  if (visit === undefined) return []
  const tagged: Visitor = (context, node, scope, typed) => {
    const before = context.uses.length
    visit(context, node, scope, typed)
    tagUses(context.uses, before, tagOfStatement(typed))
  }
  return [[type, tagged]]
}

/** What is something else where it is a part of another statement. */
const VISITORS_INSIDE: ReadonlyMap<string, Visitor> = new Map<string, Visitor>([
  ...[...Object.keys(DML_VISITORS), ...Object.keys(COMMANDS), ...Object.keys(DEFINITIONS)].flatMap(tagging),
  naming('ExecuteStmt'),
  naming('FetchStmt'),
  ['VariableSetStmt', visitSetInside],
])

function prohibitNaming(context: Context): void {
  context.prohibitions.push({
    code: 'UNSUPPORTED',
    message: 'EXECUTE inside another statement is not followed to what it runs',
    hint: 'write the statement itself in its place',
    place: context.places.whole,
  })
}

function visitFields(context: Context, { type, body }: TypedNode, scope: Scope, except: readonly string[]): void {
  const fields = fieldsOf(type)
  for (const name in body) {
    const holds = fields?.get(name)
    if (holds === undefined) {
      context.trouble ??= { code: 'UNKNOWN_NODE', message: `the field \`${name}\` of \`${type}\` is not known` }
      return
    }
    if (holds === '' || except.includes(name)) continue
    const value = body[name]
    if (Array.isArray(value)) for (const held of value) visitHeld(context, holds, held, scope)
    else visitHeld(context, holds, value, scope)
  }
}

function visitHeld(context: Context, holds: string, held: unknown, scope: Scope): void {
  const typed = isNode(held) ? (holds === 'Node' ? typedNode(held) : { type: holds, body: held }) : null
  if (typed !== null) context.visit(typed, scope)
}
