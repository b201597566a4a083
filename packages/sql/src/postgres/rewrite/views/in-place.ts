import {
  type Catalog,
  type ColumnUse,
  type MaskedColumn,
  type MaskedRelation,
  type MaskSql,
  relationKey,
  type UsedColumn,
  type UsedRelation,
  type ViewColumns,
  type ViewDefinition,
} from '@querywarden/policy-core'
import type { Grammar } from '../../engine.ts'
import { flagAt, type Node } from '../../node.ts'
import { sightingsOnDemand } from '../changes/sightings.ts'
import { applyEdits, replaceNodes } from '../edits.ts'
import { planGroups } from '../grouping/plan-groups.ts'
import { disagreement, type Impossible, impossible } from '../impossible.ts'
import { INNER, maskReference, onlySelect, queryOver } from '../masked-query.ts'
import { quoteName } from '../quote.ts'
import { type Change, changeRange, qualifySystems } from '../rewrite-ranges.ts'
import { isSameTree } from '../same-tree.ts'
import { changeSample } from '../sampled.ts'
import type { Range } from '../survey.ts'
import { type Definition, HINT, readDefinition } from './read-definition.ts'
import type { StandIn, StandIns } from './stand-in.ts'

interface Terms {
  readonly masks: ReadonlyMap<string, MaskedRelation>
  readonly maskSql: MaskSql
  readonly catalog: Catalog
  readonly grammar: Grammar
  readonly standIns: StandIns
  readonly charsMax: number
}

/**
 * A view's definition in which each masked relation is replaced, under the names and types of the view's columns. What the
 * policy masks of the view by its own name is masked on top.
 */
export function queryInPlace(masked: MaskedRelation, view: ViewDefinition, terms: Terms): StandIn {
  const { catalog, grammar, maskSql } = terms
  const definition = readDefinition(view, catalog, grammar)
  if (definition.kind === 'impossible') return definition
  const { systemColumns, references } = definition.survey
  const [systemColumn] = systemColumns
  if (systemColumn !== undefined)
    return impossible(`its definition reads the system column \`${systemColumn.name}\` of a relation`, HINT)
  if (references.length > 0) return disagreement('its definition names a schema in a column')
  const denied = deniedPredicate(definition, terms)
  if (denied !== undefined)
    return impossible(
      `its definition compares \`${denied.name}.${denied.column}\`, which the policy keeps from it`,
      HINT,
    )
  const changes = changesOf(definition, terms)
  if (changes.kind === 'impossible') return changes
  const rewritten = rewrite(definition, changes.changes, terms)
  if (rewritten.kind === 'impossible') return rewritten
  const { relation } = masked
  const copies = copiesShown(relation, definition, changes)
  // What is shown through this very mask already: a hash of a hash would be found by no value, and joined with nothing.
  const own = (masked.own ?? []).filter(mask => !copies.some(copy => isAlike(copy, mask)))
  const names = relation.columns.map(({ name }) => name)
  // Without the fence, conditions of the statement might run on rows that a security_barrier keeps from them.
  const fence = view.isSecurityBarrier ? ' OFFSET 0' : ''
  const source = {
    text: `(${rewritten.text}) AS ${quoteName(INNER)} (${names.map(quoteName).join(', ')})${fence}`,
    fields: {
      fromClause: [
        {
          RangeSubselect: {
            subquery: { SelectStmt: rewritten.select },
            alias: { aliasname: INNER, colnames: names.map(name => ({ String: { sval: name } })) },
          },
        },
      ],
      ...(view.isSecurityBarrier ? FENCE : {}),
    },
  }
  const query = queryOver({ relation, columns: own }, source, asTyped, maskSql, grammar)
  return query.kind === 'query'
    ? {
        ...query,
        proven: changes.proven,
        shown: [...copies.filter(copy => !own.some(mask => isOnSame(copy, mask))), ...own],
      }
    : query
}

/** A masked column that is not to be used in predicates, where the definition uses it in one. */
const deniedPredicate = ({ names }: Definition, { masks }: Terms): ColumnUse | undefined =>
  names.columns.find(
    use =>
      PREDICATES.has(use.role) &&
      masks
        .get(relationKey(use))
        ?.columns.some(({ column, predicates }) => column.name === use.column && predicates === 'deny'),
  )
const PREDICATES: ReadonlySet<ColumnUse['role']> = new Set(['predicate', 'join', 'group', 'order'])

/** OFFSET 0, as the parser gives it. */
const FENCE: Node = { limitOffset: { A_Const: { ival: {} } } }

/** The view's column in its own type, whatever a mask has made of it. Of the same type it is the same expression. */
const asTyped = (column: UsedColumn): string => `${maskReference(column)}::${column.type}`

type Changes =
  | {
      readonly kind: 'changes'
      readonly changes: readonly Change[]
      readonly proven: readonly ViewColumns[]
      /** By {@link relationKey} of what the definition reads, its columns that are their masks. */
      readonly shown: ReadonlyMap<string, readonly MaskedColumn[]>
    }
  | Impossible

function changesOf({ survey, select, cursor, places, text }: Definition, terms: Terms): Changes {
  const { masks, standIns, charsMax, catalog } = terms
  const replaced = new Map<Range, MaskedRelation>()
  const changes: Change[] = []
  const proven: ViewColumns[] = []
  const shown = new Map<string, readonly MaskedColumn[]>()
  let chars = text.length
  for (const range of survey.ranges) {
    const masked = range.isCte ? undefined : masks.get(relationKey(range))
    if (masked === undefined) {
      // What a definition names without a schema is the server's, where no WITH query of its own goes by the name.
      const qualified = range.isCte || range.schema !== '' ? null : qualifySystems(range, cursor)
      if (qualified?.kind === 'impossible') return qualified
      if (qualified !== null) changes.push(qualified)
      continue
    }
    if (range.position !== 'read' && range.position !== 'sampled')
      return disagreement('its definition names a relation where none is read')
    const standIn = standIns(masked, !flagAt(range.node, 'inh'))
    if (standIn.kind === 'impossible') return standIn
    proven.push(...standIn.proven)
    shown.set(relationKey(range), standIn.shown)
    if (standIn.kind === 'as-is') continue
    replaced.set(range, masked)
    chars += standIn.text.length
    if (chars > charsMax) return impossible(`with its masks it is longer than ${charsMax} characters`, HINT)
    const made =
      range.sample === null
        ? [changeRange(range, standIn, cursor)]
        : changeSample(range, range.sample, masked, { ...terms, cursor })
    for (const change of made) {
      if (change.kind === 'impossible') return change
      changes.push(change)
    }
  }
  const statement = { type: 'SelectStmt', body: select }
  const sightingsOf = sightingsOnDemand(statement, catalog, places)
  for (const change of planGroups({ statement, catalog, cursor }, replaced, sightingsOf)) {
    if (change.kind === 'impossible') return change
    changes.push(change)
  }
  return { kind: 'changes', changes, proven, shown }
}

/** The view's columns that are copies of base columns, and so their masks. */
function copiesShown(
  relation: UsedRelation,
  { names }: Definition,
  { shown }: Extract<Changes, { kind: 'changes' }>,
): readonly MaskedColumn[] {
  return relation.columns.flatMap((column, at): readonly MaskedColumn[] => {
    const { lineage, origins } = names.outputs?.[at] ?? { lineage: 'unknown', origins: [] }
    const [origin] = origins
    if (lineage !== 'copy' || origin === undefined || origins.length > 1) return []
    const mask = shown.get(relationKey(origin))?.find(each => each.column.name === origin.column)
    return mask === undefined ? [] : [{ ...mask, column }]
  })
}

const isOnSame = (one: MaskedColumn, other: MaskedColumn): boolean => one.column.name === other.column.name

const isAlike = (one: MaskedColumn, other: MaskedColumn): boolean =>
  isOnSame(one, other) && termsOf(one) === termsOf(other)

const termsOf = ({ mask, predicates, lookups }: MaskedColumn): string => JSON.stringify([mask, predicates, lookups])

type Rewritten = { readonly kind: 'rewritten'; readonly text: string; readonly select: unknown } | Impossible

/** Made on the text and on the tree; the two must come to the same. */
function rewrite({ text, select }: Definition, changes: readonly Change[], { grammar }: Terms): Rewritten {
  const changed = applyEdits(
    text,
    changes.map(({ edit }) => edit),
  )
  if (changed === null) return disagreement('two changes of its definition overlap')
  const meant = replaceNodes(select, new Map(changes.map(({ node, by }) => [node, by])))
  const found = onlySelect(changed, grammar)
  return found !== null && isSameTree(found, meant)
    ? { kind: 'rewritten', text: changed, select: meant }
    : disagreement('its definition with the masks in it does not read as it was meant')
}
