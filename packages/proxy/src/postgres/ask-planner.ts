import type { Statement } from '@querywarden/policy-core'
import { readRowEstimate } from '@querywarden/sql/postgres'
import {
  BACKEND,
  decodeDataRow,
  decodeReadyForQuery,
  encodeBind,
  encodeExecute,
  encodeParse,
  encodeQuery,
  SYNC,
} from '@querywarden/wire/postgres'
import { UpstreamError } from './upstream-error.ts'
import type { Upstream } from './upstream-login.ts'

/** Where the text of a constant means something else by another value: the planner must read them as the session does. */
export const READ_BY: readonly string[] = ['DateStyle', 'IntervalStyle', 'TimeZone']

/** How long the server may plan, and wait for a lock, in milliseconds. */
const PLAN_MS_MAX = 500
const LOCK_MS_MAX = 200
/** Of text and parameters, and of the plan that comes back. */
const BYTES_MAX = 1_048_576

/**
 * How many rows the server's planner expects a statement to give or to change; null where it doesn't say. It is never
 * ANALYZE, and nothing is left of it: its transaction is read only and undone.
 *
 * @param settings - as the session has those of {@link READ_BY}
 * @throws {UpstreamError} the connection is of no use any more
 */
export async function askPlanner(
  { link }: Upstream,
  statement: Statement,
  settings: ReadonlyMap<string, string>,
): Promise<number | null> {
  const question = questionOf(statement)
  if (question.length > BYTES_MAX) return null
  link.write(Buffer.concat([encodeQuery({ query: beginning(settings) }), question, ENDING]))
  // Its transaction, the plan, the end of it: each answered by a ReadyForQuery.
  const begun = await answerOf(link)
  const planned = await answerOf(link)
  const ended = await answerOf(link)
  if (ended.hasFailed || ended.status !== 'idle')
    throw new UpstreamError('PROTOCOL', 'the database did not undo the transaction of an estimate')
  if (begun.hasFailed || begun.status !== 'transaction' || planned.hasFailed) return null
  return readRowEstimate(asJson(planned.rows))
}

const ENDING = encodeQuery({ query: 'rollback' })

const beginning = (settings: ReadonlyMap<string, string>): string =>
  [
    'begin read only',
    `set local statement_timeout = ${PLAN_MS_MAX}`,
    `set local lock_timeout = ${LOCK_MS_MAX}`,
    ...READ_BY.flatMap(name => {
      const value = settings.get(name)
      return value === undefined ? [] : [`set local ${name} = '${value.replaceAll("'", "''")}'`]
    }),
  ].join('; ')

/** By the extended protocol, so that a parameter is what the client's would be and a text can't hold a second statement. */
function questionOf({ text, params }: Statement): Uint8Array {
  const parse = { name: '', query: `explain (format json) ${text}`, parameterTypes: params.map(one => one.typeOid) }
  const bind = {
    portal: '',
    statement: '',
    parameterFormats: params.map(({ format }) => (format === 'binary' ? 1 : 0)),
    parameters: params.map(({ value }) => (typeof value === 'string' ? Buffer.from(value) : value)),
    resultFormats: [],
  }
  return Buffer.concat([encodeParse(parse), encodeBind(bind), encodeExecute({ portal: '', rowsMax: 0 }), SYNC])
}

interface PlannerAnswer {
  readonly rows: readonly string[]
  readonly hasFailed: boolean
  readonly status: ReturnType<typeof decodeReadyForQuery>['status']
}

async function answerOf(link: Upstream['link']): Promise<PlannerAnswer> {
  const rows: string[] = []
  let hasFailed = false
  for (;;) {
    const frame = await link.read()
    if (frame === null) throw new UpstreamError('UNREACHABLE', 'the database closed the connection of an estimate')
    if (frame.tag === BACKEND.dataRow && frame.body.length <= BYTES_MAX) {
      const [value] = decodeDataRow(frame.body).values
      rows.push(value === null || value === undefined ? '' : Buffer.from(value).toString('utf8'))
    } else if (frame.tag === BACKEND.dataRow || frame.tag === BACKEND.errorResponse) {
      hasFailed = true
    } else if (frame.tag === BACKEND.readyForQuery) {
      return { rows, hasFailed, status: decodeReadyForQuery(frame.body).status }
    }
  }
}

function asJson(rows: readonly string[]): unknown {
  const [text] = rows
  if (text === undefined || rows.length !== 1) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
