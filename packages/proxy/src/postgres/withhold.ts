import type { Refusal, ServerMessage } from '@querywarden/policy-core'
import { refusalOfWrite } from '@querywarden/sql/postgres'
import { decodeNoticeResponse, encodeErrorResponse, encodeNoticeResponse } from '@querywarden/wire/postgres'
import { errorResponse, refusalReport } from './error-response.ts'
import type { ErrorView } from './expected.ts'
import { withClientsName } from './session-objects/naming.ts'

/** The refusal of ours that a server's error stands for: what only a row could tell is found out there. */
export const refusalIn = (fields: ReadonlyMap<string, string>, view: ErrorView): Refusal | null =>
  view.withheld ? refusalOfWrite({ code: fields.get('C'), message: fields.get('M') }) : null

/** What a server says, as the client may see it: the message to send, and what is recorded of it. */
export interface Shown {
  readonly bytes: Uint8Array
  readonly message: ServerMessage
}

/** A server's error as the client may see it. */
export function shownError(fields: ReadonlyMap<string, string>, view: ErrorView): Shown {
  const refusal = refusalIn(fields, view)
  if (refusal === null) {
    const shown = shownFields(fields, view)
    return { bytes: encodeErrorResponse({ fields: shown }), message: messageOf(shown) }
  }
  const report = refusalReport(refusal, '')
  const { sqlstate, message } = report
  return { bytes: errorResponse(report), message: { severity: 'ERROR', sqlstate, message, constraint: null } }
}

/** A server's notice, by its body, as the client may see it; `bytes` are null where that is just as it came. */
export function shownNotice(body: Uint8Array, view: ErrorView): Pick<Shown, 'message'> & { bytes: Uint8Array | null } {
  const { fields } = decodeNoticeResponse(body)
  if (!view.withheld) return { bytes: null, message: messageOf(fields) }
  const shown = shownFields(fields, view)
  return { bytes: encodeNoticeResponse({ fields: shown }), message: messageOf(shown) }
}

/** `V` is the severity that isn't translated (PostgreSQL manual, Error and Notice Message Fields). */
const messageOf = (fields: ReadonlyMap<string, string>): ServerMessage => ({
  severity: fields.get('V') ?? fields.get('S') ?? '',
  sqlstate: fields.get('C') ?? 'XX000',
  message: fields.get('M') ?? '',
  constraint: fields.get('n') ?? null,
})

/**
 * The fields of a server's error or notice that the client may see. Where the statement reads masked columns, texts can
 * hold raw values (a failed cast, a violated check prints the row), so only the code and the constraint's name remain.
 */
function shownFields(fields: ReadonlyMap<string, string>, view: ErrorView): ReadonlyMap<string, string> {
  if (view.withheld) return withheld(fields)
  const shown = new Map(fields)
  const position = Number(fields.get('P'))
  if (view.positionShift === null || !Number.isInteger(position)) shown.delete('P')
  else shown.set('P', String(position + view.positionShift))
  const message = shown.get('M')
  if (view.naming !== null && message !== undefined) shown.set('M', withClientsName(message, view.naming))
  return shown
}

/**
 * The functions of the server that look after constraints (executor, nbtree, domains and ri_triggers, 15 to 18). Code of the
 * database can raise an error with a constraint's name of its own, which may be a row's value: it has another routine.
 */
const CHECKING: ReadonlySet<string> = new Set([
  'ExecConstraints',
  'ReportNotNullViolationError',
  '_bt_check_unique',
  'check_exclusion_or_unique_constraint',
  'ri_ReportViolation',
  'ExecEvalConstraintCheck',
  'ExecEvalConstraintNotNull',
  'domain_check_input',
])

const isOfConstraint = (fields: ReadonlyMap<string, string>): boolean => CHECKING.has(fields.get('R') ?? '')

function withheld(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const sqlstate = fields.get('C') ?? 'XX000'
  const shown = new Map<string, string>()
  for (const code of isOfConstraint(fields) ? ['S', 'V', 'C', 'n'] : ['S', 'V', 'C']) {
    const value = fields.get(code)
    if (value !== undefined) shown.set(code, value)
  }
  shown.set(
    'M',
    `the database reports SQLSTATE ${sqlstate}; its words are withheld because the statement touches masked columns`,
  )
  return shown
}
