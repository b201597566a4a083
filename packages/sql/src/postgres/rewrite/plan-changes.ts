import { type Lookup, type MaskedRelation, relationKey, type ViewColumns } from '@querywarden/policy-core'
import { flagAt, nameParts, textAt } from '../node.ts'
import type { ChangesInput } from './changes/plan-targets.ts'
import { type SightingsOf, sightingsOnDemand } from './changes/sightings.ts'
import { planGroups } from './grouping/plan-groups.ts'
import { type Impossible, impossible, placeAt } from './impossible.ts'
import { type MaskedQuery, onlySelect } from './masked-query.ts'
import { matchUses, usesByPlace } from './match-uses.ts'
import { planByNames } from './plan-by-names.ts'
import { type Change, changeCopy, changeRange, changeReference } from './rewrite-ranges.ts'
import { changeSample } from './sampled.ts'
import type { Range } from './survey.ts'
import { hiddenSystemColumn } from './system-columns.ts'
import { type QueryMemory, type StandIn, type StandIns, standInMaker } from './views/stand-in.ts'

interface Input extends ChangesInput {
  readonly memory: QueryMemory
}

/** The changes of a statement, or why there is no sound way to change it. */
export type Plan =
  | {
      readonly kind: 'plan'
      readonly changes: readonly Change[]
      readonly proven: readonly ViewColumns[]
      readonly lookups: readonly Lookup[]
    }
  | Impossible

/** The relation uses of a statement that can't be rewritten, or all of its changes. */
export function planChanges(input: Input): Plan {
  const matched = matchUses(input)
  const standIns = standInMaker({
    ...input,
    masks: new Map(input.masks.map(each => [relationKey(each.relation), each])),
  })
  const proven = matched instanceof Map ? provenOfAll(input, matched, standIns) : null
  if (proven !== null) return { kind: 'plan', changes: [], proven, lookups: [] }
  const sightingsOf = sightingsOnDemand(input.statement, input.catalog, input.places)
  const refused = whyNot(input, sightingsOf)
  if (refused !== null) return refused
  if (!(matched instanceof Map)) return matched

  const replaced = new Map(
    [...matched].filter(([range, masked]) => standInAt(range, masked, standIns).kind !== 'as-is'),
  )
  const named = planByNames({ ...input, masks: masksAsShown(input.masks, matched, standIns) }, sightingsOf)
  const changes: (Change | Impossible)[] = [
    ...planRanges(input, replaced, standIns),
    ...planReferences(input, replaced),
    ...named.changes,
    ...planGroups(input, replaced, sightingsOf),
  ]
  const impossibility = changes.find(change => change.kind === 'impossible')
  if (impossibility !== undefined) return impossibility
  return {
    kind: 'plan',
    changes: changes.filter(change => change.kind === 'change'),
    lookups: named.lookups,
    proven: [...matched].flatMap(([range, masked]) => provenIn(standInAt(range, masked, standIns))),
  }
}

const standInAt = (range: Range, masked: MaskedRelation, standIns: StandIns): StandIn =>
  standIns(masked, range.position === 'copied' || !flagAt(range.node, 'inh'))

/** Of views only the columns that are their masks: what of one may show anything is none that a value can be looked up in. */
function masksAsShown(
  masks: readonly MaskedRelation[],
  matched: ReadonlyMap<Range, MaskedRelation>,
  standIns: StandIns,
): readonly MaskedRelation[] {
  const read = new Map([...matched].map(([range, masked]) => [masked, range]))
  return masks.map(masked => {
    const range = masked.relation.kind === 'derived' ? read.get(masked) : undefined
    const standIn = range === undefined ? null : standInAt(range, masked, standIns)
    return standIn === null || standIn.kind === 'impossible' ? masked : { ...masked, columns: standIn.shown }
  })
}

const provenIn = (standIn: StandIn): readonly ViewColumns[] => (standIn.kind === 'impossible' ? [] : standIn.proven)

/** What is proven of a statement that reads nothing masked after all: views alone, of which nothing has to be masked. */
function provenOfAll(
  { facts, masks }: Input,
  matched: ReadonlyMap<Range, MaskedRelation>,
  standIns: StandIns,
): readonly ViewColumns[] | null {
  const standing = [...matched].map(([range, masked]) => standInAt(range, masked, standIns))
  if (standing.some(({ kind }) => kind !== 'as-is')) return null
  const places = new Set([...matched.keys()].map(({ location }) => location))
  const names = new Set(masks.map(({ relation }) => relationKey(relation)))
  for (const [start, uses] of usesByPlace(facts.uses))
    if (!places.has(start) && uses.some(({ relation }) => names.has(relationKey(relation)))) return null
  return standing.flatMap(provenIn)
}

function planRanges(
  input: Input,
  matched: ReadonlyMap<Range, MaskedRelation>,
  standIns: StandIns,
): readonly (Change | Impossible)[] {
  return [...matched].flatMap(([range, masked]): readonly (Change | Impossible)[] => {
    const standIn = standInAt(range, masked, standIns)
    if (standIn.kind === 'impossible') return [{ ...standIn, place: standIn.place ?? placeAt(range.location) }]
    if (standIn.kind === 'as-is') return []
    if (range.position === 'copied') return [planCopy(input, range, masked, standIn)]
    if (range.sample !== null) return changeSample(range, range.sample, masked, input)
    return [changeRange(range, standIn, input.cursor)]
  })
}

/** Statements whose rows are read as they run. Definitions would outlive the principal whose masks are in them. */
const REWRITABLE: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CreateTableAsStmt',
  'DeclareCursorStmt',
  'PrepareStmt',
  'CopyStmt',
  'TruncateStmt',
  'LockStmt',
])

function whyNot({ statement, survey, masks }: Input, sightingsOf: SightingsOf): Impossible | null {
  const { type, body } = statement
  if (type === 'ExplainStmt') {
    return impossible(
      'a plan would show what is known of masked values',
      'explain the statement on relations without masks, or as a principal who sees them unmasked',
    )
  }
  if (!REWRITABLE.has(type) || (type === 'CreateTableAsStmt' && textAt(body, 'objtype') !== 'OBJECT_TABLE')) {
    return impossible(
      'what it defines would outlive the masks',
      'have it done by a principal who sees the columns unmasked',
    )
  }
  const hidden = hiddenSystemColumn(survey, masks, sightingsOf)
  if (hidden !== null) {
    return impossible(
      `a masked relation has no system column \`${hidden.name}\` to show`,
      'leave out the system column; use the primary key',
      placeAt(hidden.location),
    )
  }
  if (survey.hasCurrentOf) {
    return impossible('a cursor over masked rows has no current row to change', 'name the row by its key in WHERE')
  }
  return null
}

function planCopy(input: Input, range: Range, masked: MaskedRelation, query: MaskedQuery): Change | Impossible {
  const place = placeAt(range.location)
  const relation = input.catalog.relations.get(relationKey(masked.relation))
  const listed = nameParts(input.statement.body, 'attlist')
  const hint = `write COPY (SELECT … FROM ${range.name}) TO STDOUT`
  // COPY shows the rows of the table alone, without those of its children; the server refuses partitioned ones and views.
  const isStored =
    relation?.kind === 'table' ? relation.isPartitioned === false : relation?.view?.isMaterialized === true
  if (relation === undefined || !isStored) {
    return impossible(`COPY does not show the rows of \`${range.name}\` by itself`, hint, place)
  }
  const { generated } = relation
  if (listed.length === 0 && generated === undefined) {
    return impossible(`which columns COPY shows of \`${range.name}\` is not known`, hint, place)
  }
  const all = relation.columns.map(({ name }) => name).filter(name => generated?.has(name) !== true)
  const columns = listed.length === 0 ? all : listed
  const parse = (text: string) => onlySelect(text, input.grammar)
  return changeCopy(range, input.statement.body, query, columns, input.cursor, parse)
}

/** References that name the schema of a rewritten relation, where the relation's bare name says the same. */
function planReferences(
  { survey, facts, cursor }: Input,
  rewritten: ReadonlyMap<Range, MaskedRelation>,
): readonly (Change | Impossible)[] {
  const uses = usesByPlace(facts.uses)
  return survey.references.flatMap(reference => {
    const meant = [...rewritten].find(
      ([range, { relation }]) =>
        range.alias === null && relation.name === reference.name && relation.schema === reference.schema,
    )?.[1]
    if (meant === undefined) return []
    const isUnambiguous =
      !survey.otherNames.has(reference.name) &&
      survey.ranges.every(range => {
        if ((range.alias ?? range.name) !== reference.name) return true
        const [use] = uses.get(range.location) ?? []
        return range.alias === null && use !== undefined && relationKey(use.relation) === relationKey(meant.relation)
      })
    if (!isUnambiguous) {
      return impossible(
        `\`${reference.schema}.${reference.name}\` is written out in a column's name, and \`${reference.name}\` alone is not clear`,
        'give the relation an alias, and qualify its columns with that',
        placeAt(reference.location),
      )
    }
    return changeReference(reference, cursor)
  })
}
