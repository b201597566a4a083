import type { Completion } from '@querywarden/policy-core'
import type { IntentEvent, RecordedEvent, RefusedEvent } from '../format/event.ts'
import type { RecordedIdentity, RecordingHeader } from '../format/file-header.ts'
import { isoTime } from '../replay/clock-text.ts'
import type { JsonObject } from './event-json.ts'

/** The version of the Open Cybersecurity Schema Framework (schema.ocsf.io) that the events are of. */
export const OCSF_VERSION = '1.3.0'

// Category Application Activity, class Datastore Activity.
const [CATEGORY_UID, CLASS_UID] = [6, 6005]
const ACTIVITIES = { read: 1, update: 2, connect: 3, query: 4, write: 5, create: 6, delete: 7, other: 99 } as const
const SEVERITIES = { informational: 1, low: 2, high: 4 } as const
const STATUSES = { unknown: 0, success: 1, failure: 2 } as const
/** Of the profile Security Control. */
const ACTIONS = { allowed: 1, denied: 2 } as const
const DISPOSITIONS = { allowed: 1, blocked: 2, approved: 8 } as const
/** Of the object Database, and of the class: a database. */
const RELATIONAL = 1
const DATABASE = 1

/** Makes OCSF events of one recording's. A statement is one event, told when it has ended. */
export interface OcsfMapper {
  readonly push: (event: RecordedEvent) => readonly JsonObject[]
  /** Statements without an outcome. */
  readonly end: () => readonly JsonObject[]
}

/** So many statements at once may wait for their outcomes: a portal may be run piece by piece. */
const PENDING_MAX = 1_000

interface Told {
  readonly at: number
  readonly uid: string
  readonly activity: keyof typeof ACTIVITIES
  readonly severity: keyof typeof SEVERITIES
  readonly more: JsonObject
}

/** Maps a recording's events to OCSF Datastore Activity, with the profile Security Control. */
export function ocsfMapper(header: RecordingHeader): OcsfMapper {
  const pending = new Map<number, IntentEvent>()
  const approvers = new Map<number, readonly RecordedIdentity[]>()
  let session: JsonObject = sessionFields(header, null)
  const event = (told: Told): JsonObject => ({ ...session, ...eventFields(told, header) })
  const ended = (intent: IntentEvent, completion: Completion | null): JsonObject => {
    pending.delete(intent.statement)
    const by = approvers.get(intent.statement) ?? []
    approvers.delete(intent.statement)
    return event(statementTold(intent, completion, { header, by }))
  }
  return {
    push: given => {
      switch (given.kind) {
        case 'opened':
          session = sessionFields(header, given)
          return [event(openedTold(given, header))]
        case 'intent': {
          pending.set(given.statement, given)
          const [oldest] = pending.values()
          return pending.size > PENDING_MAX && oldest !== undefined ? [ended(oldest, null)] : []
        }
        case 'completion': {
          const intent = pending.get(given.statement)
          return intent === undefined ? [] : [ended(intent, given.completion)]
        }
        case 'approval-answered':
          if (given.answer === 'granted') approvers.set(given.statement, given.by)
          return []
        case 'refused':
          return [event(refusedTold(given, header))]
        case 'incident':
        case 'closed':
          return [event(otherTold(given, header))]
        default:
          return []
      }
    },
    end: () => [...pending.values()].map(intent => ended(intent, null)),
  }
}

const eventFields = ({ at, uid, activity, severity, more }: Told, header: RecordingHeader): JsonObject => ({
  category_uid: CATEGORY_UID,
  class_uid: CLASS_UID,
  activity_id: ACTIVITIES[activity],
  type_uid: CLASS_UID * 100 + ACTIVITIES[activity],
  time: Math.floor(at),
  severity_id: SEVERITIES[severity],
  metadata: {
    version: OCSF_VERSION,
    profiles: ['security_control'],
    product: { name: 'Querywarden', vendor_name: 'Querywarden' },
    log_name: 'recording',
    uid: `${header.recording}/${uid}`,
    correlation_uid: header.session,
    original_time: isoTime(at) ?? String(at),
  },
  ...more,
})

/** What all events of a session have in common. */
function sessionFields(
  header: RecordingHeader,
  opened: Extract<RecordedEvent, { readonly kind: 'opened' }> | null,
): JsonObject {
  const { requester, actor, target } = header
  const address = opened?.client['address']
  return {
    actor: {
      user: {
        name: requester.subject,
        uid: requester.subject,
        domain: requester.issuer,
        groups: (opened?.groups ?? []).map(name => ({ name })),
      },
      session: {
        uid: header.session,
        issuer: requester.issuer,
        created_time: Math.floor(header.createdAt),
        ...(opened === null || opened.expiresAt === null ? {} : { expiration_time: Math.floor(opened.expiresAt) }),
      },
      ...(actor === null ? {} : { app_name: actor.subject, app_uid: `${actor.subject}@${actor.issuer}` }),
    },
    src_endpoint: address === undefined || address === '' ? { name: 'unknown' } : { ip: address },
    dst_endpoint: { name: target.name },
    database: { name: target.name, type: 'Relational', type_id: RELATIONAL },
    type: 'Database',
    type_id: DATABASE,
  }
}

const openedTold = (opened: Extract<RecordedEvent, { readonly kind: 'opened' }>, header: RecordingHeader): Told => ({
  at: opened.at,
  uid: 'opened',
  activity: 'connect',
  severity: 'informational',
  more: {
    status: 'Success',
    status_id: STATUSES.success,
    action_id: ACTIONS.allowed,
    disposition_id: DISPOSITIONS.allowed,
    unmapped: {
      kind: 'opened',
      recording: header.recording,
      policy_version: header.policyVersion,
      catalog: header.catalogFingerprint,
      client: opened.client,
    },
  },
})

function statementTold(
  intent: IntentEvent,
  completion: Completion | null,
  { header, by }: { readonly header: RecordingHeader; readonly by: readonly RecordedIdentity[] },
): Told {
  const counts = completion !== null && 'ms' in completion ? completion : null
  const isApproved = intent.decision === 'approve'
  return {
    at: intent.at,
    uid: `statement/${intent.statement}`,
    activity: activityOf(intent.tag, intent.effects),
    severity: 'informational',
    more: {
      ...queryFields(intent, header),
      ...statusFields(completion),
      action_id: ACTIONS.allowed,
      disposition_id: isApproved ? DISPOSITIONS.approved : DISPOSITIONS.allowed,
      start_time: Math.floor(intent.at),
      ...(counts === null ? {} : { duration: Math.round(counts.ms), end_time: Math.floor(intent.at + counts.ms) }),
      unmapped: {
        kind: 'statement',
        recording: header.recording,
        statement: intent.statement,
        tag: intent.tag,
        effects: intent.effects,
        relations: intent.relations,
        functions: intent.functions,
        masks: intent.masks.map(({ column, mask }) => ({ column, mask })),
        approval: intent.approval,
        approved_by: by.map(({ issuer, subject }) => ({ issuer, subject })),
        rows: counts?.rows ?? null,
        bytes: counts?.bytes ?? null,
        waited_ms: counts?.waitedMs ?? null,
        policy_version: header.policyVersion,
      },
    },
  }
}

const refusedTold = (refused: RefusedEvent, header: RecordingHeader): Told => ({
  at: refused.at,
  uid: `statement/${refused.statement}`,
  activity: activityOf(/^\w+/.exec(refused.sql.redacted)?.[0] ?? '', refused.effects),
  severity: 'low',
  more: {
    ...queryFields(refused, header),
    status: 'Failure',
    status_id: STATUSES.failure,
    status_code: refused.refusal.code,
    status_detail: refused.refusal.message,
    action_id: ACTIONS.denied,
    disposition_id: DISPOSITIONS.blocked,
    unmapped: {
      kind: 'refused',
      recording: header.recording,
      statement: refused.statement,
      effects: refused.effects,
      rule: refused.refusal.rule,
      approval: refused.refusal.request,
      policy_version: header.policyVersion,
    },
  },
})

const otherTold = (
  event: Extract<RecordedEvent, { readonly kind: 'incident' | 'closed' }>,
  header: RecordingHeader,
): Told => ({
  at: event.at,
  uid: `${event.kind}/${event.seq}`,
  activity: 'other',
  severity: event.kind === 'incident' ? 'high' : 'informational',
  more: {
    activity_name: event.kind === 'incident' ? 'Incident' : 'Disconnect',
    status_code: event.kind === 'incident' ? event.code : event.reason,
    ...(event.kind === 'incident' ? { status_detail: event.message } : {}),
    unmapped: {
      kind: event.kind,
      recording: header.recording,
      statement: event.kind === 'incident' ? event.statement : null,
    },
  },
})

/** The statement, and the rules that decided on it. */
function queryFields(event: IntentEvent | RefusedEvent, header: RecordingHeader): JsonObject {
  const relations = event.kind === 'intent' ? event.relations : []
  const [only, another] = relations
  return {
    query_info: {
      uid: String(event.statement),
      query_string: event.sql.text ?? event.sql.redacted,
      bytes: event.sql.bytes,
    },
    ...(only !== undefined && another === undefined ? { table: { name: only } } : {}),
    authorizations: event.reasons.flatMap(({ use, answer, rules }) =>
      (rules.length === 0 ? ['default'] : rules).map(rule => ({
        decision: answer,
        policy: { uid: rule, name: rule, desc: use, version: header.policyVersion },
      })),
    ),
  }
}

function statusFields(completion: Completion | null): JsonObject {
  switch (completion?.kind) {
    case 'done':
      return { status: 'Success', status_id: STATUSES.success, status_code: completion.tag }
    case 'failed':
      return { status: 'Failure', status_id: STATUSES.failure, status_code: completion.sqlstate }
    case 'cancelled':
    case 'not-run':
      return {
        status: 'Failure',
        status_id: STATUSES.failure,
        status_code: completion.kind,
        status_detail: completion.why,
      }
    case 'unknown':
      return { status: 'Unknown', status_id: STATUSES.unknown, status_detail: completion.why }
    case undefined:
      return { status: 'Unknown', status_id: STATUSES.unknown, status_detail: 'the account has no outcome of it' }
  }
}

const BY_VERB: ReadonlyMap<string, keyof typeof ACTIVITIES> = new Map([
  ['SELECT', 'query'],
  ['TABLE', 'query'],
  ['VALUES', 'query'],
  ['WITH', 'query'],
  ['FETCH', 'read'],
  ['INSERT', 'write'],
  ['MERGE', 'write'],
  ['UPDATE', 'update'],
  ['ALTER', 'update'],
  ['DELETE', 'delete'],
  ['TRUNCATE', 'delete'],
  ['DROP', 'delete'],
  ['CREATE', 'create'],
])

/** By what the statement is called; a SELECT that writes, and a COPY, by what they do. */
function activityOf(tag: string, effects: readonly string[]): keyof typeof ACTIVITIES {
  const verb = /^\w+/.exec(tag)?.[0].toUpperCase() ?? ''
  const named = BY_VERB.get(verb)
  const changes = effects.includes('write') || effects.includes('ddl')
  if (named !== undefined && !(named === 'query' && changes)) return named
  if (changes) return 'write'
  return effects.includes('read') ? 'read' : 'other'
}
