import fc from 'fast-check'

/** Something in FROM: its SQL, the name that it goes by, and its columns. */
export interface Source {
  readonly sql: string
  readonly name: string
  readonly columns: readonly string[]
  /** Its alias renames columns: whether its row has the old names or the new ones depends on what it is. */
  readonly isRenamed?: boolean
}

const RELATIONS: readonly Source[] = [
  { sql: 'customers', name: 'customers', columns: ['id', 'name', 'ssn', 'email', 'region'] },
  { sql: 'public.orders', name: 'orders', columns: ['id', 'customer_id', 'status', 'note'] },
  { sql: 'cards', name: 'cards', columns: ['id', 'customer_id', 'pan', 'brand'] },
  { sql: 'v_customers', name: 'v_customers', columns: ['id', 'name', 'contact', 'tax_ref'] },
  { sql: 'hr.people', name: 'people', columns: ['id', 'full_name'] },
]
/** Few, and columns and relations among them: so that they collide. */
const NAMES = ['c', 'o', 'customers', 'orders', 'id', 'name', 'x']
const JOINS = ['join', 'left join', 'right join', 'full join', 'cross join', 'natural join', ',']

/** Decisions, one after the other; 0 for ever once they are used up, so that every query comes to an end. */
interface Tape {
  readonly relations: readonly Source[]
  /** Whether rows may depend on an order that nothing settles. */
  readonly isSettled: boolean
  readonly upTo: (limit: number) => number
  readonly of: <T>(values: readonly T[]) => T
  readonly chance: (percent: number) => boolean
}

function tapeOf(choices: readonly number[], { relations, isSettled }: Pick<Tape, 'relations' | 'isSettled'>): Tape {
  let at = 0
  const upTo = (limit: number): number => (choices[at++] ?? 0) % limit
  return {
    relations,
    isSettled,
    upTo,
    of: values => {
      const value = values[upTo(values.length)]
      if (value === undefined) throw new Error('nothing to choose from')
      return value
    },
    chance: percent => upTo(100) > 100 - percent,
  }
}

/** What is visible where an expression stands, and the WITH queries in sight. */
interface Sight {
  readonly sources: readonly Source[]
  readonly queries: readonly Source[]
}

function column(tape: Tape, { sources }: Sight): string {
  if (sources.length === 0) return '1'
  const source = tape.of(sources)
  const name = source.columns.length === 0 ? '*' : tape.of(source.columns)
  if (name === '*') return '1'
  return tape.chance(40) ? name : `${source.name}.${name}`
}

function expression(tape: Tape, sight: Sight, depth: number): string {
  const of = (): string => (depth > 0 ? expression(tape, sight, depth - 1) : column(tape, sight))
  switch (tape.upTo(14)) {
    case 0:
      return `${of()}::text`
    case 1:
      return `coalesce(${column(tape, sight)}::text, ${of()}::text)`
    case 2:
      return `case when ${column(tape, sight)} is null then ${of()}::text else 'x' end`
    case 3:
      return `(select ${column(tape, sight)} limit 1)`
    case 4:
      if (depth === 0) return column(tape, sight)
      return tape.isSettled
        ? `(select count(*) from (${select(tape, sight, depth - 1, 1).sql}) counted)`
        : `(${select(tape, sight, depth - 1, 1).sql} limit 1)`
    case 5:
      return depth > 0 ? `exists (${select(tape, sight, depth - 1, 1).sql})` : 'true'
    case 6:
      return sight.sources.length === 0 ? "'x'" : rowOf(tape, tape.of(sight.sources))
    case 7:
      return sight.sources.length === 0 ? '2' : inRow(tape, tape.of(sight.sources))
    case 8:
      return `${tape.isSettled ? 'rank' : 'row_number'}() over (partition by ${column(tape, sight)} order by ${column(tape, sight)})`
    default:
      return column(tape, sight)
  }
}

const rowOf = ({ isSettled }: Tape, { name, isRenamed }: Source): string =>
  isSettled && isRenamed === true ? "'row'" : `to_jsonb(${name})`

const inRow = (tape: Tape, { name, columns }: Source): string =>
  columns.length === 0 ? '3' : `(${name}).${tape.of(columns)}`

function source(tape: Tape, sight: Sight, before: readonly Source[], depth: number): Source {
  const kind = depth > 0 ? tape.upTo(8) : 7
  const free = NAMES.filter(name => before.every(each => each.name !== name))
  const alias = tape.of(free)
  if (kind <= 1) {
    const isLateral = kind === 1 && before.length > 0
    const seen = isLateral ? { ...sight, sources: [...sight.sources, ...before] } : sight
    const query = select(tape, seen, depth - 1, 0)
    return { sql: `${isLateral ? 'lateral ' : ''}(${query.sql}) ${alias}`, name: alias, columns: query.columns }
  }
  if (kind === 2 && sight.queries.length > 0) {
    const query = tape.of(sight.queries)
    return { sql: `${query.name} as ${alias}`, name: alias, columns: query.columns }
  }
  const relation = tape.of(tape.relations)
  const isTaken = before.some(each => each.name === relation.name)
  if (tape.chance(20)) {
    const renamed = ['id', 'name', ...relation.columns.slice(2)]
    return { sql: `${relation.sql} as ${alias} (id, name)`, name: alias, columns: renamed.slice(0, 2), isRenamed: true }
  }
  if (tape.chance(40) && !isTaken) return relation
  return { ...relation, sql: `${relation.sql} ${alias}`, name: alias }
}

function from(tape: Tape, sight: Sight, depth: number): { readonly sql: string; readonly sources: readonly Source[] } {
  const first = source(tape, sight, [], depth)
  let sql = first.sql
  const sources = [first]
  for (let more = tape.upTo(3); more > 0; more--) {
    const next = source(tape, sight, sources, depth)
    const join = tape.of(JOINS)
    const shared = next.columns.filter(name => sources.some(each => each.columns.includes(name)))
    const inside = { ...sight, sources: [...sources, next] }
    const isPlain = join === ',' || join.startsWith('cross') || join.startsWith('natural')
    const condition = isPlain
      ? ''
      : shared.length > 0 && tape.chance(50)
        ? ` using (${tape.of(shared)})`
        : ` on ${column(tape, inside)}::text = ${column(tape, inside)}::text`
    sql = join === ',' ? `${sql}, ${next.sql}` : `${sql} ${join} ${next.sql}${condition}`
    sources.push(next)
  }
  return { sql, sources }
}

/** A SELECT; of `width` columns where that isn't 0. */
function select(tape: Tape, outer: Sight, depth: number, width: number): { sql: string; columns: readonly string[] } {
  let clause = ''
  let sight = outer
  if (depth > 0 && tape.chance(25)) {
    const name = tape.of(NAMES)
    const query = select(tape, outer, depth - 1, 0)
    clause = `with ${name} as (${query.sql}) `
    sight = { ...outer, queries: [...outer.queries, { sql: name, name, columns: query.columns }] }
  }
  if (depth > 0 && tape.chance(15)) {
    const count = width || 1 + tape.upTo(2)
    const [left, right] = [select(tape, sight, depth - 1, count), select(tape, sight, depth - 1, count)]
    return {
      sql: `${clause}(${left.sql}) ${tape.of(['union', 'union all', 'except'])} (${right.sql})`,
      columns: left.columns,
    }
  }
  const { sql, sources } = from(tape, sight, depth)
  const inside = { ...sight, sources: [...(tape.chance(50) ? sight.sources : []), ...sources] }
  const targets: string[] = []
  const columns: string[] = []
  for (let left = width || 1 + tape.upTo(3); left > 0; left--) {
    if (width === 0 && tape.chance(10)) {
      const each = tape.of(sources)
      targets.push(`${each.name}.*`)
      columns.push(...each.columns)
      continue
    }
    const label = tape.of(NAMES)
    targets.push(`${expression(tape, inside, depth)} as ${label}`)
    columns.push(label)
  }
  const where = tape.chance(40) ? ` where ${column(tape, inside)} is not null` : ''
  const order = tape.chance(30) ? ` order by ${tape.of(['1', tape.of(NAMES), column(tape, inside)])}` : ''
  // Two columns of a name can't be told apart from outside.
  const usable = columns.filter((name, at) => columns.indexOf(name) === at && columns.lastIndexOf(name) === at)
  return { sql: `${clause}select ${targets.join(', ')} from ${sql}${where}${order}`, columns: usable }
}

/**
 * Queries over the corpus's schema, or other relations: joins, subqueries, WITH, LATERAL and set operations under names that
 * collide. `isSettled`: their rows don't depend on an order that nothing settles.
 */
export const queries = (relations: readonly Source[] = RELATIONS, isSettled = false): fc.Arbitrary<string> =>
  fc
    .array(fc.nat(9_999), { minLength: 40, maxLength: 160 })
    .map(choices => select(tapeOf(choices, { relations, isSettled }), { sources: [], queries: [] }, 3, 0).sql)
