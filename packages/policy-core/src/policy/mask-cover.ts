import type { ColumnMarks, UsedColumn, UsedRelation } from '../facts.ts'
import { matchGlob } from './glob.ts'
import { type Pattern, readPattern } from './pattern.ts'
import type { MaskEntry } from './policy.ts'

/** What a mask entry is on, prepared. */
export interface MaskCover {
  /** Whether it names a column of these parts: schema, relation, column. */
  readonly names: (parts: readonly string[]) => boolean
  /** Whether it is on columns with such marks. What isn't known may be such. */
  readonly marks: (marks: ColumnMarks | undefined) => boolean
}

const NOTHING: MaskCover = { names: () => false, marks: () => false }

/** Prepares the patterns of an entry. What a detector finds is on no column. */
export function compileCover(entry: MaskEntry): MaskCover {
  switch (entry.kind) {
    case 'columns': {
      const patterns = entry.columns.flatMap(text => readPattern(text, 3) ?? [])
      return { ...NOTHING, names: parts => patterns.some(({ matches }) => matches(parts)) }
    }
    case 'tags': {
      const globs = entry.tags.map(tag => tag.toLowerCase())
      return {
        ...NOTHING,
        marks: marks => marks === undefined || marks.tags.some(tag => globs.some(glob => matchGlob(glob, tag))),
      }
    }
    case 'types': {
      const matchers = entry.types.flatMap(text => readTypePattern(text) ?? [])
      return {
        ...NOTHING,
        marks: marks =>
          marks === undefined || marks.types.some(({ schema, name }) => matchers.some(each => each([schema, name]))),
      }
    }
    case 'detect':
      return NOTHING
  }
}

/** Whether an entry is on a column by what the column itself is: its name, its tags, its type. */
export const coversItself = (cover: MaskCover, { schema, name }: UsedRelation, column: UsedColumn): boolean =>
  cover.names([schema, name, column.name]) || cover.marks(column.ownMarks ?? column.marks)

/** Whether it is on a column by that, or by what any of the columns is whose values it may show. */
export const coversColumn = (cover: MaskCover, { schema, name }: UsedRelation, column: UsedColumn): boolean =>
  cover.names([schema, name, column.name]) ||
  column.origins.some(origin => cover.names([origin.schema, origin.name, origin.column])) ||
  cover.marks(column.marks)

/** Whether a text can be the tag of a column, or a pattern of such. */
export const isTagPattern = (text: string): boolean => /^[\p{L}\p{N}_*-]+(\.[\p{L}\p{N}_*-]+)*$/u.test(text)

/** The names that SQL has for types of pg_catalog (manual, table 8.1), by those that it keeps them under. */
const SQL_NAMES: ReadonlyMap<string, string> = new Map([
  ['bigint', 'int8'],
  ['bit varying', 'varbit'],
  ['boolean', 'bool'],
  ['char', 'bpchar'],
  ['character', 'bpchar'],
  ['character varying', 'varchar'],
  ['decimal', 'numeric'],
  ['double precision', 'float8'],
  ['float', 'float8'],
  ['int', 'int4'],
  ['integer', 'int4'],
  ['real', 'float4'],
  ['smallint', 'int2'],
  ['time with time zone', 'timetz'],
  ['time without time zone', 'time'],
  ['timestamp with time zone', 'timestamptz'],
  ['timestamp without time zone', 'timestamp'],
])

/**
 * Reads `public.ssn_t`, `crm.*`, or `inet` for a type of that name in whichever schema. Null where the text can't be any.
 */
export function readTypePattern(text: string): Pattern['matches'] | null {
  const builtIn = SQL_NAMES.get(text.toLowerCase())
  // `char` is two types: the one of SQL, and the one byte of the system tables.
  const bare = readPattern(text, 1)
  if (builtIn !== undefined)
    return ([schema = '', name = '']) => (schema === 'pg_catalog' && name === builtIn) || bare?.matches([name]) === true
  if (bare !== null) return ([, name = '']) => bare.matches([name])
  return readPattern(text, 2)?.matches ?? null
}
