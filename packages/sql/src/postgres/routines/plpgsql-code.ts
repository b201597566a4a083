import { lex } from '../lex.ts'
import {
  type Node,
  nodeAt,
  nodesAt,
  numberAt,
  type TypedNode,
  textAt,
  typedAt,
  typedNode,
  typedNodesAt,
} from '../node.ts'
import { type PartRole, PLPGSQL_EFFECTS, PLPGSQL_FIELDS } from './plpgsql-fields.ts'
import { WRITTEN_ROW } from './row-names.ts'

/** A piece of SQL in PL/pgSQL code. */
export interface CodePart {
  readonly role: PartRole
  readonly text: string
}

/** PL/pgSQL code as what there is in it to run. */
export interface PlpgsqlCode {
  /** Each but once. */
  readonly parts: readonly CodePart[]
  /** The types of its variables, as they are written. */
  readonly types: readonly string[]
  readonly effects: readonly (readonly ['session' | 'transaction', string])[]
  /** What the row that is written is called in a trigger's code: NEW, OLD and aliases of them. */
  readonly rows: ReadonlySet<string>
  /** Names of variables, parameters and labels, the function's own among them. */
  readonly variables: ReadonlySet<string>
}

/** What libpg_query says of an expression's kind (RawParseMode in parser.h). */
const QUERY = 0
const EXPRESSION = 2
const ASSIGNMENTS = [3, 4, 5]

/** Code of more nodes isn't followed, nor of more parts that differ: each is parsed while somebody waits. */
const NODES_MAX = 20_000
const PARTS_MAX = 1_500

const FUNCTION_FIELDS = new Set(['datums', 'action', 'aliases', 'out_param_varno', 'old_varno', 'new_varno'])

/**
 * Takes a parsed PL/pgSQL function apart. Null where something in it isn't known, or where the parser has left something
 * out: a record's default is in no tree that it gives.
 *
 * @param body - The source that `tree` was parsed from.
 */
export function takeApart(tree: Node, body: string, name: string): PlpgsqlCode | null {
  const action = typedAt(tree, 'action')
  if (action === null || Object.keys(tree).some(field => !FUNCTION_FIELDS.has(field))) return null
  const parts = new Map<string, CodePart>()
  const effects: (readonly ['session' | 'transaction', string])[] = []
  const variables = new Set([name])
  const types: string[] = []
  let signs = 0
  let nodes = 0

  const datums = typedNodesAt(tree, 'datums')
  const rows = new Set(WRITTEN_ROW)
  for (const { body } of typedNodesAt(tree, 'aliases')) {
    const name = textAt(body, 'name')
    variables.add(name)
    const original = datums[numberAt(body, 'varno')]
    if (original === undefined || rows.has(textAt(original.body, 'refname'))) rows.add(name)
  }
  for (const { body } of datums) {
    variables.add(textAt(body, 'refname'))
    const type = typedAt(body, 'datatype')
    if (type !== null) types.push(textAt(type.body, 'typname'))
  }
  // A list, not recursion: code nests as deep as its author likes.
  const pending: TypedNode[] = [action, ...datums]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const known = PLPGSQL_FIELDS.get(node.type)
    nodes += 1
    if (known === undefined || nodes > NODES_MAX || parts.size > PARTS_MAX) return null
    const effect = PLPGSQL_EFFECTS.get(node.type)
    if (effect !== undefined) effects.push(effect)
    variables.add(textAt(node.body, 'label'))
    signs += signsBeside(node)
    for (const [field, value] of Object.entries(node.body)) {
      const role = known.get(field)
      if (role === undefined) return null
      if (role === 'nothing') continue
      const held = heldIn(value)
      if (held === null) return null
      if (role === 'nodes') pending.push(...held)
      else
        for (const each of held) {
          const part = partOf(role, each)
          if (part === null) return null
          parts.set(`${role} ${part.text}`, part)
          signs += countSigns(part.text)
        }
    }
  }
  return signs === countSigns(body) ? { parts: [...parts.values()], types, effects, variables, rows } : null
}

function partOf(role: PartRole, { type, body }: TypedNode): CodePart | null {
  const mode = numberAt(body, 'parseMode')
  const isFit =
    role === 'query' ? mode === QUERY : role === 'assignment' ? ASSIGNMENTS.includes(mode) : mode === EXPRESSION
  return type === 'PLpgSQL_expr' && isFit ? { role, text: textAt(body, 'query') } : null
}

/** The nodes in a field: one, or a list. Null where it holds anything else. */
function heldIn(value: unknown): readonly TypedNode[] | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const nodes = list.map(each => {
    if (typeof each !== 'object' || each === null) return null
    return typedNode({ ...each })
  })
  const held = nodes.flatMap(node => node ?? [])
  return held.length === nodes.length ? held : null
}

/** The `=`, `:=` and DEFAULT that stand before the parts of a node, and so in none of them. */
function signsBeside({ type, body }: TypedNode): number {
  if (type === 'PLpgSQL_var') return nodeAt(body, 'default_val') === null ? 0 : 1
  if (type === 'PLpgSQL_stmt_getdiag') return nodesAt(body, 'diag_items').length
  return type === 'PLpgSQL_raise_option' ? 1 : 0
}

/** How often a text assigns, compares or says DEFAULT: what is in the whole code must be in its parts. */
const countSigns = (text: string): number =>
  lex(text).filter(({ kind, start, end }) =>
    kind === 'operator'
      ? text[start] === '='
      : kind === 'word' && end - start === 7 && text.slice(start, end).toLowerCase() === 'default',
  ).length
