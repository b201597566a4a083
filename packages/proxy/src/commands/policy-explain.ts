import { accountOf } from '../rehearsal/account.ts'
import { openReading } from '../rehearsal/reading.ts'
import { isAtLeast } from '../rehearsal/rehearsal.ts'
import { type Rehearse, rehearser } from '../rehearsal/rehearse.ts'
import { tellStatement } from '../rehearsal/tell.ts'
import { type AskerOptions, askerOf, momentOf } from './asker.ts'
import { CommandError, EXIT } from './exit.ts'
import { explainBatch } from './explain-batch.ts'
import { explainOneColumn } from './explain-column.ts'
import { openSource, type PolicySourceFound, type SourceOptions } from './policy-source.ts'
import { show, type Terminal } from './terminal.ts'

export interface ExplainOptions extends SourceOptions, AskerOptions {
  readonly sql?: string
  readonly pre: readonly string[]
  readonly batch?: string
  /** `schema.relation.column`, in place of a statement. */
  readonly column?: string
  readonly failOn?: 'deny' | 'approve'
}

/** Says what the policy makes of a text's statements or of a column, and why, for a caller as described. Nothing is run. */
export async function policyExplain(
  terminal: Terminal,
  text: string | undefined,
  options: ExplainOptions,
): Promise<number> {
  const given = [text, options.sql, options.batch, options.column].filter(one => one !== undefined)
  if (given.length !== 1)
    throw new CommandError(
      EXIT.misuse,
      'give one of: the statement, --sql TEXT, --batch FILE (or - for standard input), --column NAME',
    )
  const source = await openSource(options)
  if (options.column !== undefined) {
    const { policy, target, catalog } = source
    const standing = policy.for(askerOf(options), target, momentOf(options)())
    return explainOneColumn(terminal, { written: options.column, target: target.name, catalog, standing })
  }
  const rehearse = await rehearsing(source, options)
  if (options.batch !== undefined)
    return explainBatch(options.batch, {
      rehearse,
      catalog: source.catalog,
      failOn: options.failOn ?? null,
      inTransaction: options.inTransaction === true,
    })
  return explainOne(terminal, { source, rehearse, sql: text ?? options.sql ?? '', options })
}

const rehearsing = async (source: PolicySourceFound, options: AskerOptions): Promise<Rehearse> =>
  rehearser({
    ...source,
    reading: await openReading(source.catalog.major),
    principal: askerOf(options),
    now: momentOf(options),
  })

async function explainOne(
  terminal: Terminal,
  given: {
    readonly source: PolicySourceFound
    readonly rehearse: Rehearse
    readonly sql: string
    readonly options: ExplainOptions
  },
): Promise<number> {
  const { source, rehearse, options } = given
  const rehearsal = await rehearse({
    sql: [given.sql],
    pre: options.pre,
    inTransaction: options.inTransaction === true,
  })
  if (rehearsal.statements.length === 0) throw new CommandError(EXIT.misuse, 'there is no statement in the text')
  const told = rehearsal.statements.map(tellStatement)
  const { refusal, outcome } = rehearsal
  const isOfForm = refusal !== null && !rehearsal.statements.some(statement => statement.refusal === refusal)
  show(terminal, { target: source.target.name, ...accountOf(rehearsal, source.catalog), statements: told }, () => [
    ...(isOfForm
      ? [`deny (${refusal.code})`, `  ${refusal.message}`, `  next: ${refusal.hint}`, 'each by itself:']
      : []),
    ...told.map(({ explanation }) => explanation),
  ])
  return isAtLeast(outcome, options.failOn ?? 'deny') ? EXIT.finding : EXIT.ok
}
