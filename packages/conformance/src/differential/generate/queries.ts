import { anyCall, condition, type Draw, expression, type Range, spelled } from './expressions.ts'
import type { KnownColumn, KnownRelation } from './vocabulary.ts'

/** How a relation is written: with its schema mostly, bare now and then. */
export function relationSql(draw: Draw, relation: KnownRelation): string {
  const { random } = draw
  if (relation.sql.startsWith('public.') && random.oneIn(2)) return spelled(relation.name, random)
  return random.oneIn(12) ? `only ${relation.sql}` : relation.sql
}

let aliases = 0
const alias = (): string => {
  aliases = (aliases + 1) % 20
  return `r${aliases}`
}

interface Item {
  readonly sql: string
  readonly ranges: readonly Range[]
}

function fromItem(draw: Draw, outer: readonly Range[], ctes: readonly Range[], depth: number): Item {
  const { random, words } = draw
  const choice = random.below(depth <= 0 ? 6 : 10)
  if (choice < 6 && ctes.length > 0 && random.oneIn(2)) {
    const cte = random.pick(ctes)
    return { sql: cte.name, ranges: [cte] }
  }
  if (choice < 6) return relationItem(draw, random.pick(words.relations))
  const name = alias()
  switch (choice) {
    case 6: {
      const columns: readonly KnownColumn[] = [
        { name: 'a', type: 'text' },
        { name: 'b', type: 'text' },
      ]
      return {
        sql: `(values (1, 'x'), (2, ${expression(draw, [], 1)}::text)) as ${name} (a, b)`,
        ranges: [{ name, columns, relation: null }],
      }
    }
    case 7:
      return { sql: `${anyCall(draw, [])} as ${name}`, ranges: [{ name, columns: [], relation: null }] }
    case 8: {
      const isLateral = outer.length > 0 && random.oneIn(2)
      const { sql, columns } = selectOf(draw, isLateral ? outer : [], ctes, depth - 1)
      return { sql: `${isLateral ? 'lateral ' : ''}(${sql}) as ${name}`, ranges: [{ name, columns, relation: null }] }
    }
    default:
      return { sql: `(${queryOf(draw, [], depth - 1)}) as ${name}`, ranges: [{ name, columns: [], relation: null }] }
  }
}

function relationItem(draw: Draw, relation: KnownRelation): Item {
  const { random } = draw
  const sql = relationSql(draw, relation)
  if (random.oneIn(2)) return { sql, ranges: [{ name: relation.name, columns: relation.columns, relation }] }
  const name = alias()
  if (random.oneIn(8)) {
    const columns = relation.columns.map(({ type }, at) => ({ name: `c${at}`, type }))
    return {
      sql: `${sql} as ${name} (${columns.map(column => column.name).join(', ')})`,
      ranges: [{ name, columns, relation }],
    }
  }
  return { sql: `${sql} ${random.pick(['', 'as '])}${name}`, ranges: [{ name, columns: relation.columns, relation }] }
}

function joined(draw: Draw, left: Item, right: Item): Item {
  const { random } = draw
  const ranges = [...left.ranges, ...right.ranges]
  const kind = random.pick(['join', 'left join', 'right join', 'full join', 'inner join'])
  const shared = left.ranges
    .flatMap(({ columns }) => columns)
    .filter(({ name }) => right.ranges.some(({ columns }) => columns.some(column => column.name === name)))
  const name = shared.length > 0 ? random.pick(shared).name : null
  switch (random.below(6)) {
    case 0:
      return { sql: `${left.sql}, ${right.sql}`, ranges }
    case 1:
      return { sql: `${left.sql} cross join ${right.sql}`, ranges }
    case 2:
      return { sql: `${left.sql} natural ${kind} ${right.sql}`, ranges }
    case 3:
      if (name !== null)
        return { sql: `${left.sql} ${kind} ${right.sql} using (${name})${random.pick(['', ' as u'])}`, ranges }
  }
  const sql = `${left.sql} ${kind} ${right.sql} on ${condition(draw, ranges, 1)}`
  return { sql: random.oneIn(6) ? `(${sql})` : sql, ranges }
}

interface Select {
  readonly sql: string
  readonly columns: readonly KnownColumn[]
}

/** One SELECT with named columns. */
function selectOf(draw: Draw, outer: readonly Range[], ctes: readonly Range[], depth: number): Select {
  const { random } = draw
  let item = fromItem(draw, outer, ctes, depth)
  for (let more = random.below(3); more > 0 && depth > 0; more--)
    item = joined(draw, item, fromItem(draw, [...outer, ...item.ranges], ctes, depth - 1))
  const ranges = [...item.ranges, ...outer]
  const count = 1 + random.below(3)
  const outputs = Array.from({ length: count }, (_, at) => ({
    sql: expression(draw, ranges, depth),
    name: random.oneIn(3) ? `o${at}` : null,
  }))
  const isGrouped = random.oneIn(7)
  const list = isGrouped ? groupedList(draw, ranges, depth) : listOf(draw, item.ranges, outputs)
  const where = random.oneIn(2) ? ` where ${condition(draw, ranges, depth)}` : ''
  const group = isGrouped
    ? ` group by ${random.pick(['1', 'rollup (1)', `1 having count(*) > 0`, 'grouping sets ((1), ())'])}`
    : ''
  const order = random.oneIn(5)
    ? ` order by ${random.pick(['1', expression(draw, ranges, 1), '1 desc nulls last'])}`
    : ''
  const limit = random.oneIn(5) ? random.pick([' limit 2', ' offset 1', ' fetch first 2 rows only', ' limit all']) : ''
  const lock =
    !isGrouped && random.oneIn(20) ? random.pick([' for update', ' for share', ' for no key update skip locked']) : ''
  const distinct =
    !isGrouped && random.oneIn(8)
      ? random.pick(['distinct ', 'all ', `distinct on (${expression(draw, ranges, 0)}) `])
      : ''
  const columns = isGrouped ? [{ name: 'o0', type: 'text' }] : named(outputs)
  return { sql: `select ${distinct}${list} from ${item.sql}${where}${group}${order}${limit}${lock}`, columns }
}

interface Labelled {
  readonly sql: string
  readonly name: string | null
}

const named = (outputs: readonly Labelled[]): readonly KnownColumn[] =>
  outputs.flatMap(({ name }) => (name === null ? [] : [{ name, type: 'text' }]))

function listOf({ random }: Draw, ranges: readonly Range[], outputs: readonly Labelled[]): string {
  const stars = ranges.map(({ name }) => `${spelled(name, random)}.*`)
  if (random.oneIn(8)) return random.pick(['*', ...stars])
  return outputs.map(({ sql, name }) => (name === null ? sql : `${sql} ${random.pick(['', 'as '])}${name}`)).join(', ')
}

/** What a grouped SELECT can give: its key, and aggregates over the rest. */
function groupedList(draw: Draw, ranges: readonly Range[], depth: number): string {
  const { random } = draw
  const over = expression(draw, ranges, depth - 1)
  const filter = random.oneIn(3) ? ` filter (where ${condition(draw, ranges, 0)})` : ''
  const aggregate = random.pick([
    'count(*)',
    `max(${over}::text)`,
    `string_agg(${over}::text, ',' order by 1)`,
    `array_agg(${over})`,
    `jsonb_agg(${over})`,
  ])
  return `${expression(draw, ranges, 0)} as o0, ${aggregate}${filter}`
}

/** A query of any form. */
export function queryOf(draw: Draw, outer: readonly Range[], depth: number, ctes: readonly Range[] = []): string {
  const { random, words } = draw
  switch (random.below(depth <= 0 ? 6 : 11)) {
    case 6:
      return `${oneColumn(draw, outer, ctes, depth)} ${random.pick(['union', 'union all', 'except', 'intersect'])} ${oneColumn(draw, outer, ctes, depth)}`
    case 7:
      return `table ${relationSql(draw, random.pick(words.relations)).replace(/^only /, '')}`
    case 8:
      return `values (${expression(draw, outer, depth)}), (${expression(draw, outer, depth - 1)})`
    case 9:
      return `select ${expression(draw, outer, depth)}`
    case 10: {
      const { prefix, names } = withOf(draw, depth - 1, ctes)
      return `${prefix}${queryOf(draw, outer, depth - 1, [...ctes, ...names])}`
    }
    default:
      return selectOf(draw, outer, ctes, depth).sql
  }
}

/** One column of text, so that any two fit together. */
function oneColumn(draw: Draw, outer: readonly Range[], ctes: readonly Range[], depth: number): string {
  const item = fromItem(draw, outer, ctes, depth - 1)
  const ranges = [...item.ranges, ...outer]
  return `select ${expression(draw, ranges, depth - 1)}::text from ${item.sql} where ${condition(draw, ranges, 0)}`
}

/** A WITH clause, and the names that it gives. Its queries may bear the names of relations. */
export function withOf(
  draw: Draw,
  depth: number,
  ctes: readonly Range[],
  change?: () => string,
): { readonly prefix: string; readonly names: readonly Range[] } {
  const { random, words } = draw
  const name = random.oneIn(4) ? random.pick(words.relations).name : `q${random.below(5)}`
  const materialized = random.pick(['', '', 'materialized ', 'not materialized '])
  if (change !== undefined && random.oneIn(2))
    return { prefix: `with ${name} as ${materialized}(${change()}) `, names: [{ name, columns: [], relation: null }] }
  const { sql, columns } = selectOf(draw, [], ctes, depth)
  return {
    prefix: `with ${random.pick(['', '', 'recursive '])}${name} as ${materialized}(${sql}) `,
    names: [{ name, columns, relation: null }],
  }
}
