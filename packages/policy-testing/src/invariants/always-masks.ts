import {
  type ColumnName,
  type Decision,
  type Facts,
  type MaskSql,
  printableName,
  relationKey,
} from '@querywarden/policy-core'
import type { Engine } from './engine.ts'
import type { Invariant } from './invariant.ts'
import { seek } from './search.ts'
import { readingOf } from './selection.ts'
import type { Asker } from './situations.ts'

/** Who must see which columns masked only. */
export interface AlwaysMasked {
  readonly as: Asker
  /** `schema.relation.column` patterns, of base columns: what shows them, through views too, is meant. */
  readonly columns: readonly string[]
}

/**
 * Whatever statement that reads one of these columns is allowed to somebody who is as given, it runs with a mask on it: it is
 * an obligation of the decision, and (where the engine can rewrite) the statement as it would be sent reads the column no
 * more. What a mask can't be put into is refused.
 *
 * @example
 * await check(alwaysMasks(engine, { as: { groups: ['ai-agents'] }, columns: ['*.*.ssn'] }))
 */
export function alwaysMasks(engine: Engine, { as, columns }: AlwaysMasked): Invariant {
  const reading = readingOf(columns)
  return {
    name: `always masks ${columns.join(', ')}`,
    search: runs =>
      seek(
        {
          engine,
          asker: as,
          selection: { columns },
          concerns: ({ facts }) => reading(facts) !== null,
          wrong: async ({ facts, decision }, _, statement) => {
            const read = reading(facts)
            if (read === null || decision.kind === 'deny') return null
            const [first] = read.columns
            if (!read.isMaskable && first !== undefined)
              return `it reads ${shown(first)} where no mask can be put, and must be refused`
            return (
              unmasked(read.columns, decision) ?? (await survivor(engine, statement, facts, decision, read.columns))
            )
          },
        },
        runs,
      ),
  }
}

type Allowed = Exclude<Decision, { readonly kind: 'deny' }>

/** The first column that should be masked and isn't. */
function unmasked(read: readonly ColumnName[], { obligations }: Allowed): string | null {
  const bare = read.find(
    ({ column, ...relation }) =>
      !obligations.masks.some(
        mask =>
          relationKey(mask.relation) === relationKey(relation) &&
          mask.columns.some(({ column: { name } }) => name === column),
      ),
  )
  return bare === undefined ? null : `no mask is on ${shown(bare)}`
}

const shown = ({ schema, name, column }: ColumnName): string => [schema, name, column].map(printableName).join('.')

/** Hides a value without naming its column, so that whatever still names it does so bare. */
const hide: MaskSql = (_, { type }) => `NULL::${type}`

/** A masked column that the statement as it would be sent still reads. */
async function survivor(
  { rewrite, classify, catalog }: Engine,
  text: string,
  facts: Facts,
  { obligations }: Allowed,
  read: readonly ColumnName[],
): Promise<string | null> {
  if (rewrite === undefined) return null
  const rewriting = await rewrite({ dialect: 'postgres', text, params: [] }, facts, obligations.masks, hide, catalog)
  // What can't be rewritten is refused.
  if (rewriting.kind === 'impossible') return null
  const sent = await classify({ dialect: 'postgres', text: rewriting.text, params: [] }, catalog)
  if (sent.kind === 'opaque') return `what would be sent can't be understood: ${rewriting.text}`
  const bare = read.find(column =>
    sent.columns.some(
      use =>
        use.role !== 'target' &&
        relationKey(use) === relationKey(column) &&
        (use.column === '*' || use.column === column.column),
    ),
  )
  return bare === undefined ? null : `${shown(bare)} is read unmasked by what would be sent: ${rewriting.text}`
}
