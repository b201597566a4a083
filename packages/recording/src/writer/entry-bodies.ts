import type { Dialect, Entry, Obligations, Parameter, Reason, ServerMessage } from '@querywarden/policy-core'
import type { CborMap, CborValue } from '../format/canonical-cbor.ts'
import type { RowsEvent } from '../format/event.ts'
import { FRAME_TYPES } from '../format/layout.ts'
import { hmac, type MacKey } from '../format/mac.ts'
import { type RedactedSql, redactOpaque } from '../redaction/redact-sql.ts'
import type { Redactor } from '../redaction/remember-redactions.ts'

/** An entry as it is stored. META holds no literal and no parameter; VALUE holds what may be destroyed later. */
export interface EntryBodies {
  readonly type: number
  readonly meta: CborMap
  readonly value: CborMap | null
  /** Of an intent: what its text was found to be. */
  readonly sql?: RedactedSql
}

/** What becomes of parameter values. `digests`: type, length and a keyed digest. `encrypted`: the values too, in VALUE. */
export type ParameterRecording = 'digests' | 'encrypted'

export interface BodyRules {
  readonly dialect: Dialect
  readonly redact: Redactor
  readonly parameters: ParameterRecording
  /** Keys every digest: gone with the VALUE key, so that nobody can guess values against digests later. */
  readonly digestKey: MacKey
}

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8')

/**
 * Splits an entry into what stays readable and what can be destroyed. `words`: whether what a server said is kept, which
 * may quote a statement whose literals aren't.
 */
export function bodiesOf(entry: Entry, rules: BodyRules, words: 'kept' | 'dropped' = 'kept'): EntryBodies {
  switch (entry.kind) {
    case 'intent':
      return intentBodies(entry, rules)
    case 'refused':
      return refusedBodies(entry, rules)
    case 'approval-requested': {
      const sql = rules.redact(entry.canonical, rules.dialect, { tag: null, functions: [] })
      const meta = { statement: entry.statement, request: entry.request, terms: { ...entry.terms }, sql: sql.text }
      return {
        type: FRAME_TYPES.approvalRequested,
        meta,
        value: sql.secret ? null : { canonical: entry.canonical },
      }
    }
    case 'approval-answered':
      return metaOnly(FRAME_TYPES.approvalAnswered, {
        statement: entry.statement,
        request: entry.request,
        answer: entry.answer,
        by: entry.by.map(({ issuer, subject }) => ({ iss: issuer, sub: subject })),
        reason: entry.reason,
      })
    case 'rows':
      return rowsBodies(entry, rules)
    case 'notice':
      return {
        type: FRAME_TYPES.notice,
        meta: { statement: entry.statement, notice: messageMeta(entry.notice) },
        value: words === 'kept' ? { message: entry.notice.message } : null,
      }
    case 'completion':
      return outcomeBodies(entry, words)
    case 'cancel-requested':
      return metaOnly(FRAME_TYPES.cancel, { statement: entry.statement })
    case 'incident':
      return metaOnly(FRAME_TYPES.incident, {
        statement: entry.statement,
        code: entry.code,
        message: entry.message,
      })
  }
}

type Of<K extends Entry['kind']> = Extract<Entry, { kind: K }>

const rowsBodies = (entry: Of<'rows'>, rules: BodyRules): EntryBodies => {
  const kept = entry.keep ?? 'frames'
  return {
    type: FRAME_TYPES.rows,
    meta: rowsMeta(entry, kept, rules),
    value: kept === 'frames' ? { frames: entry.frames } : null,
  }
}

/** Frames that are kept are authenticated where they are; a digest of them would say nothing more. */
export const rowsMeta = (
  { statement, first, rows, columns, frames }: Of<'rows'>,
  kept: RowsEvent['kept'],
  { digestKey }: Pick<BodyRules, 'digestKey'>,
): CborMap => ({
  statement,
  first,
  rows,
  columns: columns?.map(({ name, typeOid, format }) => ({ name, type_oid: typeOid, format })) ?? null,
  bytes: frames.length,
  kept,
  hmac: kept === 'frames' ? null : hmac(digestKey, ['rows', frames]),
})

function outcomeBodies({ statement, completion }: Of<'completion'>, words: 'kept' | 'dropped'): EntryBodies {
  const type = FRAME_TYPES.outcome
  if (completion.kind !== 'failed') return metaOnly(type, { statement, completion: { ...completion }, error: null })
  const { error, ...told } = completion
  if (error === undefined) return metaOnly(type, { statement, completion: told, error: null })
  const meta = { statement, completion: told, error: messageMeta(error) }
  return { type, meta, value: words === 'kept' ? { message: error.message } : null }
}

/** Not its words: whoever wrote the code that said them could put any value there. */
const messageMeta = ({ severity, sqlstate, constraint }: ServerMessage): CborMap => ({ severity, sqlstate, constraint })

const metaOnly = (type: number, meta: CborMap): EntryBodies => ({ type, meta, value: null })

function intentBodies(entry: IntentEntry, rules: BodyRules): EntryBodies {
  const sql = redactIntent(entry, rules)
  return {
    type: FRAME_TYPES.intent,
    meta: intentMeta(entry, sql, rules),
    value: statementValue(entry, sql, rules),
    sql,
  }
}

type IntentEntry = Extract<Entry, { kind: 'intent' }>

/** What of an intent doesn't change from one run of the statement to the next. */
export type IntentText = Pick<IntentEntry, 'text' | 'canonical' | 'tag' | 'functions'>

/** An intent's text without its literals. */
export function redactIntent(
  intent: IntentText,
  { redact, dialect }: Pick<BodyRules, 'redact' | 'dialect'>,
): RedactedSql {
  const hints = { tag: intent.tag, functions: intent.functions }
  const canonical = redact(intent.canonical, dialect, hints)
  return intent.text === intent.canonical ? canonical : eitherSecret(canonical, redact(intent.text, dialect, hints))
}

const intentMeta = (entry: IntentEntry, sql: RedactedSql, rules: BodyRules): CborMap => ({
  ...statementMeta(entry, sql, rules),
  tag: entry.tag,
  relations: entry.relations,
  functions: entry.functions,
  decision: entry.decision,
  approval: entry.approval,
  ...obligationsMeta(entry.obligations),
})

function refusedBodies(entry: Extract<Entry, { kind: 'refused' }>, rules: BodyRules): EntryBodies {
  const hints = { tag: null, functions: [] }
  const sql =
    entry.refusal.code === 'NOT_UNDERSTOOD'
      ? redactOpaque(entry.text, rules.dialect)
      : eitherSecret(
          rules.redact(entry.canonical, rules.dialect, hints),
          rules.redact(entry.text, rules.dialect, hints),
        )
  const { code, rule, hint, request } = entry.refusal
  const message = code === 'NOT_UNDERSTOOD' ? withoutQuotes(entry.refusal.message) : entry.refusal.message
  return {
    type: FRAME_TYPES.refused,
    meta: { ...statementMeta(entry, sql, rules), refusal: { code, rule, message, hint, request } },
    value: statementValue(entry, sql, rules),
  }
}

/** A grammar quotes the word it stumbled on, and that word may be a value. */
const withoutQuotes = (message: string): string => message.replace(/(["'`]).*\1/gs, '$1…$1')

/** Shows the one spelling; a secret in either spelling counts. */
const eitherSecret = (canonical: RedactedSql, text: RedactedSql): RedactedSql => ({
  text: canonical.text,
  secret: canonical.secret || text.secret,
  hasValues: canonical.hasValues || text.hasValues,
  showsStatements: canonical.showsStatements || text.showsStatements,
  showsSettings: canonical.showsSettings || text.showsSettings,
})

type StatementEntry = Extract<Entry, { kind: 'intent' | 'refused' }>

const statementMeta = (entry: StatementEntry, sql: RedactedSql, rules: BodyRules): CborMap => ({
  statement: entry.statement,
  sql: sql.text,
  secret: sql.secret,
  text_bytes: Buffer.byteLength(entry.text),
  text_hmac: hmac(rules.digestKey, ['text', entry.text]),
  effects: entry.effects,
  reasons: entry.reasons.map(reasonMeta),
  params: entry.params.map(param => paramMeta(param, sql.secret, rules)),
})

export const reasonMeta = ({ use, answer, rules }: Reason): CborMap => ({ use, answer, rules })

/** A parameter's bytes, or null for NULL. */
export const valueBytes = (param: Parameter): Uint8Array | null =>
  typeof param.value === 'string' ? utf8(param.value) : param.value

/** Of a parameter that may be a secret not even length and digest are kept. */
function paramMeta(param: Parameter, secret: boolean, rules: BodyRules): CborMap {
  const shape = { type_oid: param.typeOid, format: param.format, null: param.value === null }
  const bytes = valueBytes(param)
  if (secret || bytes === null) return { ...shape, bytes: null, hmac: null }
  return { ...shape, bytes: bytes.length, hmac: hmac(rules.digestKey, ['param', bytes]) }
}

/** The VALUE of a statement, or null where it may hold a secret. */
export function statementValue(entry: StatementEntry, sql: RedactedSql, rules: BodyRules): CborMap | null {
  if (sql.secret) return null
  return {
    text: entry.text,
    canonical: entry.canonical,
    params: rules.parameters === 'encrypted' ? entry.params.map(valueBytes) : null,
  }
}

/** Masks by name and kind alone: a constant mask's value is no business of the account. */
export const obligationsMeta = (
  obligations: Obligations,
): { readonly masks: CborValue; readonly detect: CborValue; readonly limits: CborMap } => ({
  masks: obligations.masks.flatMap(({ relation, columns }) =>
    columns.map(({ column, mask }) => ({
      column: `${relation.schema}.${relation.name}.${column.name}`,
      mask: mask.kind,
    })),
  ),
  detect: obligations.detect.map(({ detector, mask }) => ({ detector, mask: mask.kind })),
  limits: { ...obligations.limits },
})
