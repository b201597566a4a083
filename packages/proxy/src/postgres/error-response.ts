import type { Refusal, RefusalCode, Verdict } from '@querywarden/policy-core'
import { encodeErrorResponse, encodeNoticeResponse } from '@querywarden/wire/postgres'

/** What goes into an error or a notice of the gateway's own. */
export interface Report {
  /** SQLSTATE, PostgreSQL manual appendix A. */
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  /** 1-based, in characters of the client's text. */
  readonly position?: number
}

/** An error after which the session lives on. */
export const errorResponse = (report: Report): Uint8Array => encodeErrorResponse({ fields: fieldsOf('ERROR', report) })

/** An error after which the connection closes. */
export const fatalResponse = (report: Report): Uint8Array => encodeErrorResponse({ fields: fieldsOf('FATAL', report) })

export const noticeResponse = (report: Report): Uint8Array =>
  encodeNoticeResponse({ fields: fieldsOf('NOTICE', report) })

/** A refusal as the client sees it: message for people, JSON in DETAIL for programs, the next step in HINT. */
export function refusalReport(refusal: Refusal, text: string): Report {
  const { code, rule, message, hint, place, request } = refusal
  const report: Report = {
    sqlstate: SQLSTATE[code],
    message,
    detail: JSON.stringify({ querywarden: 1, code, rule, request }),
    hint,
  }
  return place === null ? report : { ...report, position: positionOf(text, place.start) }
}

/**
 * The report on a text that was submitted only to be refused and recorded. Should the gate see it otherwise by now (a
 * parser that failed has been replaced), nothing was planned for it, so it is refused all the same.
 */
export const refusalOfUnread = (verdict: Verdict, text: string): Report =>
  verdict.kind === 'refused'
    ? refusalReport(verdict.refusal, text)
    : { sqlstate: '58000', message: 'statement refused: it could not be read', hint: 'send it again' }

/** What a client is told whose answer held a canary: not which, and not where. */
export const canaryReport = (): Report => ({
  sqlstate: '42501',
  message: 'session ended: the answer held a value that must never leave the database',
  detail: JSON.stringify({ querywarden: 1, code: 'CANARY' }),
  hint: "tell the gateway's operator; the session is recorded",
})

/** A COPY whose columns the server can't be asked for. */
export const unreadableCopy = (): Report => ({
  sqlstate: '0A000',
  message: 'statement refused: what this COPY gives can not be told ahead of its data',
  hint: 'write it as COPY (SELECT …) TO STDOUT, or send the query by itself',
})

/** What every refusal is in SQLSTATE (threats.md section 3). */
const SQLSTATE: Readonly<Record<RefusalCode, string>> = {
  DENIED_BY_RULE: '42501',
  NO_RULE_ALLOWS: '42501',
  NOT_UNDERSTOOD: '42601',
  PROHIBITED: '42501',
  CANNOT_MASK: '42501',
  MASKED_PREDICATE: '42501',
  WRITES_MASK: '42501',
  APPROVAL_DENIED: '42501',
  APPROVAL_EXPIRED: '42501',
  APPROVAL_WITHDRAWN: '57014',
  APPROVAL_INSIDE_TRANSACTION: '25001',
  APPROVER_FAILED: '58000',
  RECORDER_FAILED: '58000',
  CATALOG_UNAVAILABLE: '58000',
  SESSION_ENDED: '57P01',
  LIMIT_EXCEEDED: '54000',
  UNSUPPORTED: '0A000',
  INTERNAL: 'XX000',
}

function fieldsOf(severity: 'ERROR' | 'FATAL' | 'NOTICE', report: Report): ReadonlyMap<string, string> {
  const fields = new Map([
    ['S', severity],
    ['V', severity],
    ['C', report.sqlstate],
    ['M', withoutNul(report.message)],
  ])
  if (report.detail !== undefined) fields.set('D', withoutNul(report.detail))
  if (report.hint !== undefined) fields.set('H', withoutNul(report.hint))
  if (report.position !== undefined) fields.set('P', String(report.position))
  return fields
}

// Names in a message can come from the statement; a NUL would end the field early.
const withoutNul = (text: string): string => text.replaceAll('\0', '?')

/** The character position that a byte offset falls on: the manual counts characters, from 1. */
function positionOf(text: string, byteOffset: number): number {
  const bytes = Buffer.from(text)
  return [...bytes.subarray(0, byteOffset).toString()].length + 1
}
