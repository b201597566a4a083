import { createHash } from 'node:crypto'
import type { Identity, Instant, Parameter } from '@querywarden/policy-core'
import type { ApprovalRequest } from './approval-request.ts'
import { typeName } from './type-name.ts'
import { visibleName, visibleSql, visibleValue } from './visible-text.ts'

/** A parameter as a person sees it. */
export interface RenderedParameter {
  /** From 1, as in `$1`. */
  readonly position: number
  readonly type: string
  readonly format: 'text' | 'binary'
  /** Null for NULL; binary values in hex. Never cut. */
  readonly value: string | null
  /** Bytes of the value, 0 for NULL. */
  readonly bytes: number
}

/** What a person decides on. Every string in it is safe to show: what is hidden or misleading is written `<U+202E>`. */
export interface RenderedRequest {
  readonly request: string
  /** The whole statement on one spelling. */
  readonly sql: string
  /** SHA-256, in hex, of the exact bytes that would be sent. */
  readonly textSha256: string
  readonly textBytes: number
  readonly parameters: readonly RenderedParameter[]
  /** What the statement does: `update on public.orders`. */
  readonly uses: readonly string[]
  /** `issuer subject`. */
  readonly asker: string
  readonly askerGroups: readonly string[]
  /** The agent that acts for the asker. */
  readonly actor: string | null
  readonly target: string
  readonly session: string
  readonly searchPath: readonly string[]
  /** The rules that want an approval. */
  readonly rules: readonly string[]
  /** One group of each list is needed. */
  readonly approverGroups: readonly (readonly string[])[]
  readonly quorum: number
  readonly answers: readonly string[]
  readonly expiresAt: Instant
}

/**
 * A request as its approvers see it, as data for a page or a chat message. {@link plainText} makes lines of it.
 *
 * The canonical SQL is not trusted: control, bidirectional, zero-width and, outside string literals, non-ASCII characters
 * are escaped here, whoever made the text.
 *
 * @example
 * const { sql, parameters, textSha256 } = renderForApprover(request)
 */
export function renderForApprover(request: ApprovalRequest): RenderedRequest {
  const { question } = request
  const text = Buffer.from(question.statement.text, 'utf8')
  return {
    request: visibleName(request.id),
    sql: visibleSql(question.canonical),
    textSha256: createHash('sha256').update(text).digest('hex'),
    textBytes: text.length,
    parameters: question.statement.params.map(renderParameter),
    uses: [...new Set(question.decision.reasons.map(reason => visibleName(reason.use)))],
    asker: person(question.principal),
    askerGroups: question.principal.groups.map(visibleName),
    actor: question.principal.actor === null ? null : person(question.principal.actor),
    target: visibleName(question.target.name),
    session: visibleName(question.session),
    searchPath: question.searchPath.map(visibleName),
    rules: question.terms.rules.map(visibleName),
    approverGroups: question.terms.approverGroups.map(groups => groups.map(visibleName)),
    quorum: question.terms.quorum,
    answers: request.votes.map(vote => `${vote.answer} by ${person(vote.by)}`),
    expiresAt: request.expiresAt,
  }
}

/** The rendered request as lines of text, for a terminal or a mail. The statement is last, so that it can't imitate another line. */
export function plainText(rendered: RenderedRequest): string {
  const lines: readonly (readonly [string, string])[] = [
    ['request', rendered.request],
    ['asked by', `${rendered.asker} (groups: ${rendered.askerGroups.join(', ') || 'none'})`],
    ['through agent', rendered.actor ?? 'none'],
    ['target', `${rendered.target} (search path: ${rendered.searchPath.join(', ') || 'none'})`],
    ['session', rendered.session],
    ['rules', rendered.rules.join(', ')],
    [
      'approvers',
      `${rendered.quorum} of ${rendered.approverGroups.map(groups => groups.join(' or ')).join(', and of ')}`,
    ],
    ['answers so far', rendered.answers.join(', ') || 'none'],
    ['expires', new Date(rendered.expiresAt).toISOString()],
    ['does', rendered.uses.join(', ') || 'nothing that a rule names'],
    ['exact text', `${rendered.textBytes} bytes, SHA-256 ${rendered.textSha256}`],
    ...rendered.parameters.map(parameterLine),
    ['statement', rendered.sql],
  ]
  return lines.map(([name, value]) => `${name.padEnd(14)}  ${value}\n`).join('')
}

function renderParameter(parameter: Parameter, index: number): RenderedParameter {
  const { value, format } = parameter
  const head = { position: index + 1, type: typeName(parameter.typeOid), format }
  if (value === null) return { ...head, value: null, bytes: 0 }
  const bytes = Buffer.from(typeof value === 'string' ? Buffer.from(value, 'utf8') : value)
  const text = typeof value === 'string' ? value : format === 'text' ? strictText(bytes) : null
  return { ...head, value: text === null ? bytes.toString('hex') : visibleValue(text), bytes: bytes.length }
}

// A value that claims to be text and isn't UTF-8 is shown as the bytes it is.
function strictText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

function parameterLine({ position, type, format, value, bytes }: RenderedParameter): readonly [string, string] {
  return [`$${position}`, value === null ? `${type} NULL` : `${type} ${format} (${bytes} bytes) ${value}`]
}

const person = ({ issuer, subject }: Pick<Identity, 'issuer' | 'subject'>): string =>
  `${visibleName(issuer)} ${visibleName(subject)}`
