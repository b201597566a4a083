import type { ColumnName, MaskedColumn } from '@querywarden/policy-core'
import { relationKey } from '@querywarden/policy-core'
import type { Flow } from '../../names/flow.ts'
import type { Item } from '../../names/scope.ts'
import { type Node, nodeAt, nodesAt, numberAt, type TypedNode, textAt, typedAt } from '../../node.ts'
import { replaceNodes } from '../edits.ts'
import { disagreement, type Impossible, impossible, placeAt, writesMask } from '../impossible.ts'
import { INNER, onlySelect } from '../masked-query.ts'
import { quoteName } from '../quote.ts'
import type { Change } from '../rewrite-ranges.ts'
import { dottedName } from '../text-cursor.ts'
import { objectsIn } from '../walk-tree.ts'
import { expressionEnd } from './expression-end.ts'
import { assignedType, isSameText } from './guard-text.ts'
import { maskOver } from './mask-over.ts'
import type { ChangesInput } from './plan-targets.ts'
import type { Assignment, Sightings } from './sightings.ts'
import type { Target } from './targets.ts'
import { WRITES_MASK_MARKER } from './writes-mask.ts'

/**
 * Guards every assignment to a masked column of a row that is there: where the new value is what the mask shows of the old
 * one, the statement fails. Clients save what they have read.
 */
export function planGuards(
  input: ChangesInput,
  sightings: Sightings,
  targets: ReadonlyMap<Item, Target>,
): readonly (Change | Impossible)[] {
  const isMask = maskedFlow(input, sightings)
  return sightings.assignments.flatMap(assignment => {
    const target = targets.get(assignment.target)
    const masked = target?.columns.get(textAt(assignment.column, 'name'))
    return target === undefined || masked === undefined ? [] : planOne(input, assignment, target, masked, isMask)
  })
}

function planOne(
  input: ChangesInput,
  { column, value: flow }: Assignment,
  target: Target,
  masked: MaskedColumn,
  isMask: (flow: Flow) => boolean,
): readonly (Change | Impossible)[] {
  const { name } = masked.column
  const place = placeAt(numberAt(column, 'location'))
  const value = typedAt(column, 'val')
  const wrapped = nodeAt(column, 'val')
  if (value === null || wrapped === null || value.type === 'SetToDefault') return []
  if (value.type === 'MultiAssignRef') {
    return [
      impossible(
        `the masked column \`${name}\` is assigned to together with others`,
        `write SET ${quoteName(name)} = … by itself`,
        place,
      ),
    ]
  }
  if (nodesAt(column, 'indirection').length > 0) {
    return [
      impossible(
        `a part of the masked column \`${name}\` is assigned to, and what the rest is isn't shown`,
        'assign the whole value',
        place,
      ),
    ]
  }
  if (isMask(flow)) {
    return [
      writesMask(
        `the masked column \`${name}\` is given a value that is made of masks, which would take the place of the real one`,
        'assign a value of your own, or have it done by a principal who sees the column unmasked',
        place,
      ),
    ]
  }
  return guard(input, column, { wrapped, value }, target, masked)
}

function guard(
  { cursor, ...input }: ChangesInput,
  column: Node,
  { wrapped, value }: { readonly wrapped: Node; readonly value: TypedNode },
  target: Target,
  masked: MaskedColumn,
): readonly (Change | Impossible)[] {
  const place = placeAt(numberAt(column, 'location'))
  const at = cursor.at(numberAt(column, 'location'))
  const name = at === null ? null : dottedName(cursor, at)
  if (name === null || cursor.textOf(name.after) !== '=')
    return [disagreement('an assignment is not where the grammar says it is', place)]
  const first = name.after + 1
  const end = expressionEnd(cursor, first)
  const text = guardText(masked, target, isUntyped(value), input)
  if ('kind' in text) return [text]
  const by = guardTree(`${text.before}${PLACEHOLDER}${text.after}`, input)
  if (by === null) return [disagreement('the guard of an assignment does not read as it was meant', place)]
  const change = { kind: 'change', node: wrapped, by } as const
  const [start, stop] = [cursor.startOf(first), cursor.endOf(end - 1)]
  return [
    { ...change, edit: { start, end: start, text: text.before } },
    { ...change, edit: { start: stop, end: stop, text: text.after } },
  ]
}

/** What takes its type from where it is assigned: literals in quotes, NULL and parameters. */
const isUntyped = ({ type, body }: TypedNode): boolean =>
  type === 'ParamRef' || (type === 'A_Const' && ('sval' in body || 'isnull' in body))

/** A name that the tree of a guard has where the value belongs. */
const PLACEHOLDER = '"qw value"'

const VALUE = `${quoteName(INNER)}.v`
const MASK = `${quoteName(INNER)}.m`
const ROW = `${quoteName(INNER)}.r`

/**
 * The value is computed once; then it is compared. What fails is a cast of a text that no planner can know ahead, as it
 * depends on the row, if only for nothing.
 */
function guardText(
  masked: MaskedColumn,
  { entry }: Target,
  isUntyped: boolean,
  input: Omit<ChangesInput, 'cursor'>,
): { readonly before: string; readonly after: string } | Impossible {
  const { column } = masked
  const old = `${quoteName(entry.name)}.${quoteName(column.name)}`
  const mask = maskOver(masked, { text: old, node: {} }, input)
  if (mask.kind === 'impossible') return mask
  const marked = `pg_catalog.textcat('${WRITES_MASK_MARKER}', pg_catalog.left(CAST(${ROW} AS pg_catalog.text), 0))`
  const cast = isUntyped ? { before: 'CAST(', after: ` AS ${assignedType(column)})` } : { before: '', after: '' }
  return {
    before: `(SELECT CASE WHEN ${isSameText(column, VALUE, MASK)} THEN CASE WHEN CAST(${marked} AS pg_catalog.bool) THEN ${VALUE} END ELSE ${VALUE} END FROM (SELECT ${cast.before}`,
    after: `${cast.after} AS v, ${mask.text} AS m, ${quoteName(entry.name)}.tableoid AS r) AS ${quoteName(INNER)})`,
  }
}

/** The tree of a guard around whatever the value's own has become. */
function guardTree(
  text: string,
  { grammar }: Pick<ChangesInput, 'grammar'>,
): ((held: unknown) => readonly unknown[]) | null {
  const select = onlySelect(`SELECT ${text} AS x`, grammar)
  const [item] = select === null ? [] : nodesAt(select, 'targetList')
  const guarded = item === undefined ? null : nodeAt(nodeAt(item, 'ResTarget') ?? {}, 'val')
  const hole = guarded === null ? null : holeIn(guarded)
  return guarded === null || hole === null ? null : held => [replaceNodes(guarded, new Map([[hole, held]]))]
}

function holeIn(tree: Node): Node | null {
  for (const node of objectsIn(tree)) {
    const [field, second] = nodesAt(nodeAt(node, 'ColumnRef') ?? {}, 'fields')
    if (field !== undefined && second === undefined && textAt(nodeAt(field, 'String') ?? {}, 'sval') === 'qw value')
      return node
  }
  return null
}

/** Whether a mask may show in a value. What `excluded` has is what the statement itself gave. */
function maskedFlow({ masks }: ChangesInput, { byLocation, proposed }: Sightings): (flow: Flow) => boolean {
  const hidden = new Set(
    masks.flatMap(({ relation, columns }) => columns.map(({ column }) => keyOf({ ...relation, column: column.name }))),
  )
  const own = new Map<Flow, Flow | undefined>()
  for (const seen of [...byLocation.values()].flat())
    if (seen.kind === 'column' && proposed.has(seen.entry))
      own.set(seen.flow, proposed.get(seen.entry)?.get(seen.field.name))
  return flow => {
    const met = new Set([flow])
    for (const each of met) {
      const given = own.get(each)
      if (given !== undefined) met.add(given)
      if (own.has(each)) continue
      if (each.column !== null && (hidden.has(keyOf(each.column)) || isStarOf(each.column))) return true
      for (const source of each.from) met.add(source)
    }
    return false
  }
}

const keyOf = (column: ColumnName): string => `${relationKey(column)}.${column.column}`

/** The row of a relation that isn't known may hold anything. */
const isStarOf = ({ column }: ColumnName): boolean => column === '*'
