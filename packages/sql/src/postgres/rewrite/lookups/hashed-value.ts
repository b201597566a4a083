import type { MaskedColumn, UsedColumn } from '@querywarden/policy-core'
import { type Node, nodeAt, nodesAt, numberAt } from '../../node.ts'
import { aloneInParentheses, type MaskTerms, maskOver } from '../changes/mask-over.ts'
import { disagreement, type Impossible, placeAt } from '../impossible.ts'
import { expressionOf, INNER, maskReference, onlySelect } from '../masked-query.ts'
import { quoteName } from '../quote.ts'
import type { Change } from '../rewrite-ranges.ts'
import { isSameTree } from '../same-tree.ts'
import type { TextCursor } from '../text-cursor.ts'
import type { PlainValue } from './plain-values.ts'

/** Types that a hash is compared by, by OID; what a literal or parameter beside such a column is taken for. */
const COMPARED_AS: ReadonlyMap<number, string> = new Map([
  [17, 'bytea'],
  [19, 'name'],
  [25, 'text'],
  [1042, 'bpchar'],
  [1043, 'text'],
  [2950, 'uuid'],
])

const TEXTS: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'name'])

/** The type that a value compared with a column is of, or null where the server would not compare them as they are. */
export function comparedAs({ typeOid }: UsedColumn, { cast }: PlainValue): string | null {
  const type = COMPARED_AS.get(typeOid) ?? null
  if (type === null || cast === null) return type
  return cast === type || (TEXTS.has(cast) && TEXTS.has(type)) ? cast : null
}

/** Puts the hash of a value in the value's place. `isAlone`: between the parentheses of IN. */
export function hashValue(
  masked: MaskedColumn,
  value: PlainValue,
  type: string,
  isAlone: boolean,
  terms: MaskTerms & { readonly cursor: TextCursor },
): Change | Impossible {
  const at = extentOf(value, terms.cursor)
  if (at === null) return misplaced(value)
  const text = `CAST(${at.text} AS pg_catalog.${type})`
  const node = parsed(text, terms)
  const held = node === null ? null : nodeAt(nodeAt(node, 'TypeCast') ?? {}, 'arg')
  if (node === null || !isSameTree(held, value.wrapped)) return misplaced(value)
  const over = maskOver(masked, { text, node }, terms)
  if (over.kind === 'impossible') return over
  const mask = isAlone ? aloneInParentheses(over) : over
  return { kind: 'change', edit: { start: at.start, end: at.end, text: mask.text }, node: value.wrapped, by: mask.node }
}

/** Puts the hashes of a list's values in the place of a parameter that holds the list. */
export function hashList(
  { column, mask }: MaskedColumn,
  value: PlainValue,
  type: string,
  terms: MaskTerms & { readonly cursor: TextCursor },
): Change | Impossible {
  const at = extentOf(value, terms.cursor)
  const sql = terms.maskSql(mask, column, maskReference(column))
  if (at === null || expressionOf(sql, column.name, terms.grammar) === null) return misplaced(value)
  const list = `pg_catalog.unnest(CAST(${at.text} AS pg_catalog.${type}[]))`
  const text = `ARRAY(SELECT ${sql} FROM ${list} AS ${quoteName(INNER)}(${quoteName(column.name)}))`
  const node = parsed(text, terms)
  if (node === null) return misplaced(value)
  return { kind: 'change', edit: { start: at.start, end: at.end, text }, node: value.wrapped, by: node }
}

function parsed(text: string, { grammar }: MaskTerms): Node | null {
  const select = onlySelect(`SELECT ${text} AS x`, grammar)
  const [item] = select === null ? [] : nodesAt(select, 'targetList')
  return item === undefined ? null : nodeAt(nodeAt(item, 'ResTarget') ?? {}, 'val')
}

/** One token. A literal may go on in the next one, or behind UESCAPE: such a one isn't looked up. */
function extentOf({ typed }: PlainValue, cursor: TextCursor) {
  const at = cursor.at(numberAt(typed.body, 'location'))
  if (at === null || cursor.textOf(at) === '') return null
  return { text: cursor.textOf(at), start: cursor.startOf(at), end: cursor.endOf(at) }
}

const misplaced = ({ typed }: PlainValue): Impossible =>
  disagreement('a value is not where the grammar says it is', placeAt(numberAt(typed.body, 'location')))
