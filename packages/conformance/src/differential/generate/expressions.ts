import type { Random } from '../random.ts'
import { type KnownColumn, type KnownRelation, type KnownRoutine, literalOf, type Vocabulary } from './vocabulary.ts'

/** A name in FROM, with what can be had from it. */
export interface Range {
  readonly name: string
  readonly columns: readonly KnownColumn[]
  readonly relation: KnownRelation | null
}

/** What a generator draws from. */
export interface Draw {
  readonly random: Random
  readonly words: Vocabulary
  /** A query, for where one can stand in an expression; `depth` is how deep it may go. */
  readonly query: (ranges: readonly Range[], depth: number) => string
}

/** A name as SQL, in one of the spellings that mean the same. */
export function spelled(name: string, random: Random): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) return `"${name.replaceAll('"', '""')}"`
  switch (random.below(12)) {
    case 0:
      return `"${name}"`
    case 1:
      return name.toUpperCase()
    case 2:
      return `U&"${name.replace(/[a-z]/, letter => `\\00${letter.charCodeAt(0).toString(16)}`)}"`
    default:
      return name
  }
}

function columnRef(draw: Draw, ranges: readonly Range[]): string {
  const { random } = draw
  if (ranges.length === 0) return literalOf('text', random)
  const range = random.pick(ranges)
  if (range.columns.length === 0) return spelled(range.name, random)
  const column = spelled(random.pick(range.columns).name, random)
  const name = spelled(range.name, random)
  switch (random.below(14)) {
    case 0:
      return name
    case 1:
      return `${column}(${name})`
    case 2:
      return `(${name}).${column}`
    case 3:
    case 4:
      return column
    case 5:
      return range.relation === null ? column : `(${name}::${range.relation.sql}).${column}`
    default:
      return `${name}.${column}`
  }
}

const call = (draw: Draw, { sql, argumentTypes, kind }: KnownRoutine, ranges: readonly Range[]): string => {
  const args = argumentTypes.map(type =>
    draw.random.oneIn(4) && kind !== 'p' ? columnRef(draw, ranges) : literalOf(type, draw.random),
  )
  const isDistinct = kind === 'a' && args.length > 0 && draw.random.oneIn(4)
  const filter = kind === 'a' && draw.random.oneIn(4) ? ` filter (where ${condition(draw, ranges, 0)})` : ''
  const over = kind === 'w' || (kind === 'a' && draw.random.oneIn(4)) ? ` over (${windowOf(draw, ranges)})` : ''
  return `${sql}(${isDistinct ? 'distinct ' : ''}${args.join(', ')})${filter}${over}`
}

const windowOf = (draw: Draw, ranges: readonly Range[]): string =>
  draw.random.pick(['', `partition by ${columnRef(draw, ranges)}`, `order by ${columnRef(draw, ranges)}`])

/** A call of any function: of the world's one time in three. */
export const anyCall = (draw: Draw, ranges: readonly Range[]): string => {
  const { builtIns, routines } = draw.words
  return call(draw, draw.random.pick(draw.random.oneIn(3) && routines.length > 0 ? routines : builtIns), ranges)
}

/** An expression of any type. */
export function expression(draw: Draw, ranges: readonly Range[], depth: number): string {
  const { random, words } = draw
  const inner = (): string => expression(draw, ranges, depth - 1)
  if (depth <= 0) return random.oneIn(4) ? literalOf(random.pick(words.types), random) : columnRef(draw, ranges)
  switch (random.below(16)) {
    case 0:
    case 1:
      return anyCall(draw, ranges)
    case 2:
      return `(${draw.query(ranges, depth - 1)})`
    case 3:
      return `case when ${condition(draw, ranges, depth - 1)} then ${inner()} else ${inner()} end`
    case 4:
      return `${inner()}::${random.pick(words.types)}`
    case 5:
      return `coalesce(${inner()}, ${inner()})`
    case 6:
      return `${inner()}::text || ${inner()}::text`
    case 7:
      return `row(${inner()}, ${inner()})`
    case 8:
      return `array[${inner()}]`
    case 9:
      return `array(${draw.query(ranges, depth - 1)})`
    case 10:
      return `exists (${draw.query(ranges, depth - 1)})`
    case 11:
      return random.pick(['current_user', 'now()', "current_setting('search_path')", `greatest(${inner()}::text, 'a')`])
    default:
      return columnRef(draw, ranges)
  }
}

/** A condition. */
export function condition(draw: Draw, ranges: readonly Range[], depth: number): string {
  const { random } = draw
  const column = (): string => columnRef(draw, ranges)
  switch (random.below(depth <= 0 ? 8 : 12)) {
    case 0:
      return random.pick(['true', '1 = 1', 'false', 'not false', 'null is null', "'a' = 'a'"])
    case 1:
      return `${column()} is ${random.pick(['', 'not '])}null`
    case 2:
      return `${column()}::text like '%a%'`
    case 3:
      return `${column()}::text in ('x', ${literalOf('text', random)})`
    case 8:
      return `${condition(draw, ranges, depth - 1)} ${random.pick(['and', 'or'])} ${condition(draw, ranges, depth - 1)}`
    case 9:
      return `exists (${draw.query(ranges, depth - 1)})`
    case 10:
      return `${expression(draw, ranges, depth - 1)}::text = ${expression(draw, ranges, depth - 1)}::text`
    case 11:
      return `${anyCall(draw, ranges)} is not null`
    default: {
      const range = ranges.length === 0 ? null : random.pick(ranges)
      if (range === null || range.columns.length === 0) return 'true'
      const { name, type } = random.pick(range.columns)
      return `${spelled(range.name, random)}.${spelled(name, random)} ${random.pick(['=', '=', '<', '<>'])} ${literalOf(type, random)}`
    }
  }
}
