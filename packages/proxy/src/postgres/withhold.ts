import { refusalOfWrite } from '@querywarden/sql/postgres'
import { decodeNoticeResponse, encodeErrorResponse, encodeNoticeResponse } from '@querywarden/wire/postgres'
import { errorResponse, refusalReport } from './error-response.ts'
import type { ErrorView } from './expected.ts'
import { withClientsName } from './session-objects/naming.ts'

/** A server's error as the client may see it. Some are refusals of ours: what only a row could tell is found out there. */
export function shownError(fields: ReadonlyMap<string, string>, view: ErrorView): Uint8Array {
  const refusal = view.withheld ? refusalOfWrite({ code: fields.get('C'), message: fields.get('M') }) : null
  if (refusal !== null) return errorResponse(refusalReport(refusal, ''))
  return encodeErrorResponse({ fields: shownFields(fields, view) })
}

/** A server's notice, by its body, as the client may see it. */
export const shownNotice = (body: Uint8Array, view: ErrorView): Uint8Array =>
  encodeNoticeResponse({ fields: shownFields(decodeNoticeResponse(body).fields, view) })

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

function withheld(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const sqlstate = fields.get('C') ?? 'XX000'
  const shown = new Map<string, string>()
  for (const code of ['S', 'V', 'C', 'n']) {
    const value = fields.get(code)
    if (value !== undefined) shown.set(code, value)
  }
  shown.set(
    'M',
    `the database reports SQLSTATE ${sqlstate}; its words are withheld because the statement touches masked columns`,
  )
  return shown
}
