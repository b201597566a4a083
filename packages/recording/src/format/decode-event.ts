import type { ApprovalTerms, Claim, CloseReason, Completion, Identity } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { decodeCborMap, Fields } from './canonical-cbor.ts'
import { decodeClose, decodeRecovery } from './closing.ts'
import type {
  EventStamp,
  RecordedEvent,
  RecordedMessage,
  RecordedParameter,
  RecordedReason,
  RecordedSql,
} from './event.ts'
import type { RecordedIdentity, RecordingHeader } from './file-header.ts'
import { FRAME_TYPES, type Frame } from './layout.ts'
import type { OpenedFrame } from './seal.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const stampOf = (frame: Frame): EventStamp => ({
  seq: frame.seq,
  at: Number(frame.wallUs) / 1e3,
  monotonic: Number(frame.monoNs) / 1e6,
})

/** Reads a clear frame: RECOVERY or CLOSE. */
export function decodeClearEvent(frame: Frame): RecordedEvent {
  const body = decodeCborMap(frame.body, `frame ${frame.seq}`)
  if (frame.type === FRAME_TYPES.recovery) {
    return { ...stampOf(frame), kind: 'recovered', recovery: decodeRecovery(body) }
  }
  if (frame.type === FRAME_TYPES.close) {
    return { ...stampOf(frame), kind: 'closed', reason: closeReasonOf(decodeClose(body).reason) }
  }
  return { ...stampOf(frame), kind: 'unknown', type: frame.type }
}

const CLOSE_REASONS: readonly CloseReason[] = [
  'client-left',
  'client-terminated',
  'credential-expired',
  'idle',
  'lifetime-over',
  'upstream-lost',
  'protocol-violation',
  'shutdown',
  'recorder-failed',
  'internal-error',
]
const closeReasonOf = (text: string): CloseReason => CLOSE_REASONS.find(reason => reason === text) ?? 'internal-error'

/** Reads an encrypted frame after it was opened. */
export const decodeEvent = (frame: Frame, opened: OpenedFrame, header: RecordingHeader): RecordedEvent =>
  frame.type === FRAME_TYPES.open
    ? openedEvent(stampOf(frame), opened.meta, header)
    : decodeEntry(frame.type, stampOf(frame), opened)

/** Reads an entry, from a frame of its own or from a block. */
export function decodeEntry(type: number, stamp: EventStamp, { meta, value }: OpenedFrame): RecordedEvent {
  switch (type) {
    case FRAME_TYPES.intent:
      return intentEvent(stamp, meta, value)
    case FRAME_TYPES.refused:
      return { ...stamp, kind: 'refused', ...statementOf(meta, value), refusal: refusalOf(meta.fields('refusal')) }
    case FRAME_TYPES.approvalRequested:
      return {
        ...stamp,
        kind: 'approval-requested',
        statement: meta.number('statement'),
        request: meta.string('request'),
        terms: termsOf(meta.fields('terms')),
        redacted: meta.string('sql'),
        canonical: value === null ? null : value.string('canonical'),
      }
    case FRAME_TYPES.approvalAnswered:
      return {
        ...stamp,
        kind: 'approval-answered',
        statement: meta.number('statement'),
        request: meta.string('request'),
        answer: meta.oneOf('answer', ['granted', 'denied', 'expired', 'withdrawn']),
        by: meta.list('by', (item, what) => shortIdentity(new Fields(item, what))),
        reason: meta.string('reason'),
      }
    case FRAME_TYPES.outcome:
      return {
        ...stamp,
        kind: 'completion',
        statement: meta.number('statement'),
        completion: completionOf(meta.fields('completion')),
        error: meta.maybe('error', key => messageOf(meta.fields(key), value)),
      }
    case FRAME_TYPES.rows:
      return rowsEvent(stamp, meta, value)
    case FRAME_TYPES.notice:
      return {
        ...stamp,
        kind: 'notice',
        statement: statementOrNull(meta),
        notice: messageOf(meta.fields('notice'), value),
      }
    case FRAME_TYPES.cancel:
      return { ...stamp, kind: 'cancel-requested', statement: statementOrNull(meta) }
    case FRAME_TYPES.incident:
      return {
        ...stamp,
        kind: 'incident',
        statement: statementOrNull(meta),
        code: meta.string('code'),
        message: meta.string('message'),
      }
    default:
      return { ...stamp, kind: 'unknown', type }
  }
}

const rowsEvent = (stamp: EventStamp, meta: Fields, value: Fields | null): RecordedEvent => ({
  ...stamp,
  kind: 'rows',
  statement: meta.number('statement'),
  first: meta.number('first'),
  rows: meta.number('rows'),
  columns: meta.maybe('columns', key =>
    meta.list(key, (item, what) => {
      const column = new Fields(item, what)
      return {
        name: column.string('name'),
        typeOid: column.number('type_oid'),
        format: column.oneOf('format', ['text', 'binary']),
      }
    }),
  ),
  bytes: meta.number('bytes'),
  kept: meta.oneOf('kept', ['frames', 'digest', 'secret', 'too-large']),
  hmac: meta.maybe('hmac', key => hex(meta.bytes(key))),
  frames: value?.maybe('frames', key => value.bytes(key)) ?? null,
})

const messageOf = (fields: Fields, value: Fields | null): RecordedMessage => ({
  severity: fields.string('severity'),
  sqlstate: fields.string('sqlstate'),
  constraint: fields.maybe('constraint', key => fields.string(key)),
  message: value?.maybe('message', key => value.string(key)) ?? null,
})

export const openedEvent = (stamp: EventStamp, meta: Fields, header: RecordingHeader): RecordedEvent => ({
  ...stamp,
  kind: 'opened',
  header,
  groups: meta.strings('groups'),
  actor: meta.maybe('actor', key => fullIdentity(meta.fields(key))),
  expiresAt: meta.maybe('expires_at', key => meta.number(key)),
  claims: claimsOf(meta),
  actorClaims: meta.maybe('actor', key => claimsOf(meta.fields(key))) ?? [],
  client: Object.fromEntries(meta.textPairs('client')),
})

const claimsOf = (fields: Fields): readonly Claim[] => fields.maybe('claims', key => fields.list(key, claimOf)) ?? []

function claimOf(item: unknown, what: string): Claim {
  const claim = new Fields(item, what)
  return { name: claim.string('name'), values: claim.list('values', value => claimValueOf(value, what)) }
}

function claimValueOf(value: unknown, what: string): Claim['values'][number] {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  throw new RecordingError('MALFORMED', `${what}: a claim's value isn't a text, a number or a boolean`)
}

const statementOrNull = (meta: Fields): number | null => meta.maybe('statement', key => meta.number(key))

const intentEvent = (stamp: EventStamp, meta: Fields, value: Fields | null): RecordedEvent => {
  const limits = meta.fields('limits')
  return {
    ...stamp,
    kind: 'intent',
    ...statementOf(meta, value),
    tag: meta.string('tag'),
    relations: meta.strings('relations'),
    functions: meta.strings('functions'),
    decision: meta.oneOf('decision', ['allow', 'approve']),
    approval: meta.maybe('approval', key => meta.string(key)),
    masks: meta.list('masks', (item, what) => {
      const mask = new Fields(item, what)
      return { column: mask.string('column'), mask: mask.string('mask') }
    }),
    detect: meta.list('detect', (item, what) => {
      const detected = new Fields(item, what)
      return { detector: detected.string('detector'), mask: detected.string('mask') }
    }),
    limits: {
      rowsMax: limits.maybe('rowsMax', key => limits.number(key)),
      bytesMax: limits.maybe('bytesMax', key => limits.number(key)),
      timeMsMax: limits.maybe('timeMsMax', key => limits.number(key)),
    },
  }
}

interface StatementPart {
  readonly statement: number
  readonly sql: RecordedSql
  readonly params: readonly RecordedParameter[]
  readonly effects: readonly string[]
  readonly reasons: readonly RecordedReason[]
}

function statementOf(meta: Fields, value: Fields | null): StatementPart {
  const values = value?.maybe('params', key => value.list(key, bytesOrNull)) ?? []
  const params = meta.list('params', (item, what) => paramOf(new Fields(item, what)))
  return {
    statement: meta.number('statement'),
    sql: {
      redacted: meta.string('sql'),
      text: value === null ? null : value.string('text'),
      canonical: value === null ? null : value.string('canonical'),
      secret: meta.boolean('secret'),
      bytes: meta.number('text_bytes'),
      hmac: hex(meta.bytes('text_hmac')),
    },
    params: params.map((param, index) => ({ ...param, value: values[index] ?? null })),
    effects: meta.strings('effects'),
    reasons: meta.list('reasons', (item, what) => {
      const reason = new Fields(item, what)
      return {
        use: reason.string('use'),
        answer: reason.oneOf('answer', ['allow', 'approve', 'deny']),
        rules: reason.strings('rules'),
      }
    }),
  }
}

const bytesOrNull = (value: unknown): Uint8Array | null => (value instanceof Uint8Array ? value : null)

const paramOf = (fields: Fields): Omit<RecordedParameter, 'value'> => ({
  typeOid: fields.number('type_oid'),
  format: fields.oneOf('format', ['text', 'binary']),
  isNull: fields.boolean('null'),
  bytes: fields.maybe('bytes', key => fields.number(key)),
  hmac: fields.maybe('hmac', key => hex(fields.bytes(key))),
})

const refusalOf = (fields: Fields) => ({
  code: fields.string('code'),
  rule: fields.maybe('rule', key => fields.string(key)),
  message: fields.string('message'),
  hint: fields.string('hint'),
  request: fields.maybe('request', key => fields.string(key)),
})

const shortIdentity = (fields: Fields): RecordedIdentity => ({
  issuer: fields.string('iss'),
  subject: fields.string('sub'),
})

const fullIdentity = (fields: Fields): Identity => ({ ...shortIdentity(fields), groups: fields.strings('groups') })

const termsOf = (fields: Fields): ApprovalTerms => ({
  rules: fields.strings('rules'),
  approverGroups: fields.list('approverGroups', item =>
    Array.isArray(item) ? item.filter(group => typeof group === 'string') : [],
  ),
  quorum: fields.number('quorum'),
  expiresMs: fields.number('expiresMs'),
  mode: fields.oneOf('mode', ['hold', 'return', 'auto']),
})

function completionOf(fields: Fields): Completion {
  const kind = fields.oneOf('kind', ['done', 'failed', 'not-run', 'cancelled', 'unknown'])
  if (kind === 'not-run' || kind === 'unknown') return { kind, why: fields.string('why') }
  const waitedMs = fields.maybe('waitedMs', key => fields.number(key))
  const counts = {
    rows: fields.number('rows'),
    bytes: fields.number('bytes'),
    ms: fields.number('ms'),
    ...(waitedMs === null ? {} : { waitedMs }),
  }
  if (kind === 'done') return { kind, tag: fields.string('tag'), ...counts }
  if (kind === 'failed') return { kind, sqlstate: fields.string('sqlstate'), ...counts }
  return { kind, why: fields.string('why'), ...counts }
}
