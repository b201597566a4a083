import { showsNull } from '@querywarden/masking'
import {
  type Catalog,
  type ColumnExplanation,
  type ColumnName,
  explainColumn,
  type MaskEntry,
  type MaskedColumn,
  type MaskingEntry,
  maskName,
  type OriginPath,
  type PathStep,
  printableName,
  readColumnName,
  relationKey,
  type Standing,
} from '@querywarden/policy-core'
import { whatOf } from '../policy-test/coverage.ts'
import { CommandError, EXIT } from './exit.ts'
import { show, type Terminal } from './terminal.ts'

/** Origins that are printed; JSON has all. */
const ORIGINS_MAX = 20

/** Says which masks are on a column for somebody, and by which path each came there. @throws {CommandError} */
export function explainOneColumn(
  terminal: Terminal,
  given: { readonly written: string; readonly target: string; readonly catalog: Catalog; readonly standing: Standing },
): number {
  const { written, target, catalog, standing } = given
  const asked = readColumnName(written)
  if (asked === null)
    throw new CommandError(EXIT.misuse, '--column takes schema.relation.column, such as public.customers.email')
  const explanation = explainColumn(standing, catalog, asked)
  if (explanation === null)
    throw new CommandError(EXIT.misuse, `there is no column ${shown(asked)} in the schema of target \`${target}\``)
  show(terminal, dataOf(target, explanation, catalog), () => linesOf(explanation, catalog))
  return EXIT.ok
}

const shown = ({ schema, name, column }: ColumnName): string => [schema, name, column].map(printableName).join('.')

function dataOf(target: string, explanation: ColumnExplanation, catalog: Catalog) {
  const { column, type, tags, masked, entries, origins, opaque } = explanation
  return {
    target,
    column: shown(column),
    type,
    tags,
    masked: masked !== null,
    mask: masked === null ? null : maskName(masked.mask),
    shows: masked === null ? null : showing(masked),
    predicates: masked?.predicates ?? null,
    lookups: masked?.predicates === 'equality' ? masked.lookups : null,
    entries: entries.map(({ index, entry, by }) => ({
      entry: index,
      on: entry.kind,
      patterns: whatOf(entry),
      with: maskName(entry.mask),
      by: by.map(originData),
    })),
    origins: origins.map(originData),
    definition: catalog.relations.get(relationKey(column))?.view?.text ?? null,
    opaque,
  }
}

const originData = ({ column, path, tags }: OriginPath) => ({
  column: shown(column),
  tags,
  path: path?.map(({ kind, to }) => ({ kind, to: shown(to) })) ?? null,
})

function linesOf(explanation: ColumnExplanation, catalog: Catalog): readonly string[] {
  const { column, type, masked, entries, origins, opaque } = explanation
  const head = `${shown(column)} (${type})`
  const notFollowed =
    opaque === null
      ? []
      : [`  its rows can't be followed: ${opaque}; what reads it is \`unknown\`, which a rule must allow`]
  const others = origins.filter(({ path }) => path === null || path.length > 0)
  if (masked === null)
    return [
      `${head} is not masked`,
      ...notFollowed,
      ...(others.length === 0 ? ['  it shows no values but its own'] : ['  it may also show values of']),
      ...withPaths(others, catalog),
    ]
  return [
    `${head} is masked with ${maskName(masked.mask)}`,
    `  it shows    ${showing(masked)}`,
    `  predicates  ${predicatesOf(masked)}`,
    ...notFollowed,
    ...entries.flatMap(entry => entryLines(entry, catalog)),
  ]
}

function entryLines({ index, entry, by }: MaskingEntry, catalog: Catalog): readonly string[] {
  const itself = by.some(({ path }) => path?.length === 0)
  const head = `  masks[${index}], ${entry.kind} ${whatOf(entry).join(', ')}, with ${maskName(entry.mask)}`
  // A column that is masked by itself needs no other reason.
  if (itself) return [`${head}: by ${reasonOf(entry)}`]
  return [`${head}: since it may show values of`, ...withPaths(by, catalog)]
}

function reasonOf({ kind }: MaskEntry): string {
  if (kind === 'columns') return 'its name'
  return kind === 'tags' ? 'its tags' : 'its type'
}

function withPaths(origins: readonly OriginPath[], catalog: Catalog): readonly string[] {
  const told = origins.slice(0, ORIGINS_MAX).map(({ column, path, tags }) => {
    const tagged = tags.length === 0 ? '' : ` (tagged ${tags.join(', ')})`
    return `    ${shown(column)}${tagged}${path === null ? '' : `: ${pathText(path, catalog)}`}`
  })
  const left = origins.length - told.length
  return left === 0 ? told : [...told, `    and ${left} more`]
}

const pathText = (path: NonNullable<OriginPath['path']>, catalog: Catalog): string =>
  path
    .map(({ kind, to }) => {
      const isElsewhere = !catalog.relations.has(relationKey(to))
      return `${STEPS[kind]} ${shown(to)}${isElsewhere ? ', which is no relation here' : ''}`
    })
    .join(', ')

/** What the column before is to the one that is named behind it. */
const STEPS: Readonly<Record<PathStep['kind'], string>> = {
  view: 'view of',
  'materialized view': 'materialized view of',
  partition: 'partitioned, with the partition’s',
  'partitioned table': 'partition of',
  child: 'inherited by',
  parent: 'inherits',
  'generated column': 'generated from',
  'text search vector': 'words of',
  'foreign key': 'refers to',
  'row type': 'row with',
  'table of a type': 'table of the type of',
  'foreign table': 'foreign table of',
}

/** What the client sees in place of a value. */
function showing({ mask, column }: MaskedColumn): string {
  if (mask.kind !== 'null' && showsNull(mask, column))
    return `NULL: ${maskName(mask)} has no value of the type ${column.type}`
  switch (mask.kind) {
    case 'null':
      return 'NULL'
    case 'redact':
      return 'a fixed text in place of each value'
    case 'partial':
      return `the first ${mask.first} and the last ${mask.last} characters of a value that is long enough`
    case 'email':
      return 'the first letter and the domain of an e-mail address'
    case 'hash':
      return 'a keyed hash: equal for equal values, and nothing else of them'
    case 'constant':
      return 'the same value everywhere'
    case 'date-trunc':
      return `the ${mask.unit} that a moment is in`
    case 'json':
      return 'the document, with the members masked that the policy names'
  }
}

function predicatesOf({ predicates, lookups }: MaskedColumn): string {
  switch (predicates) {
    case 'deny':
      return 'deny: a statement that looks at it in a condition, a join or a sort is refused'
    case 'on-mask':
      return 'on-mask: conditions, joins and sorts see the mask'
    case 'equality': {
      const { perMinuteMax, perDayMax } = lookups
      const budget = [
        ...(perMinuteMax === null ? [] : [`${perMinuteMax} a minute`]),
        ...(perDayMax === null ? [] : [`${perDayMax} a day`]),
      ]
      return `equality: lookups by exact value find their rows, ${budget.length === 0 ? 'as many as anybody likes' : `at most ${budget.join(' and ')}`}; all else sees the mask`
    }
  }
}
