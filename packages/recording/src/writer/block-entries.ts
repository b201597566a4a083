import type { Completion, Entry, Parameter, ServerMessage } from '@querywarden/policy-core'
import type { CborWriter } from '../format/cbor-writer.ts'
import type { RowsEvent } from '../format/event.ts'
import { FRAME_TYPES } from '../format/layout.ts'
import { hmacLatin1 } from '../format/mac.ts'
import type { Moment } from '../format/moment.ts'
import { type BodyRules, valueBytes } from './entry-bodies.ts'
import { INTENT_PAIRS, type IntentTemplate } from './intent-template.ts'
import type { RowsEntry } from './rows-pieces.ts'

/** An intent, and what it has in common with others. */
export interface TemplatedIntent {
  readonly entry: Extract<Entry, { kind: 'intent' }>
  readonly template: IntentTemplate
}

/** Writes an entry of a block: `[type, mono_us, wall_us, META]`. */
export function writeIntent(
  to: CborWriter,
  moment: Moment,
  { entry, template }: TemplatedIntent,
  rules: BodyRules,
): void {
  writeHead(to, FRAME_TYPES.intent, moment)
  to.map(INTENT_PAIRS)
  to.raw(template.shape.beforeParams)
  writeParams(to, entry.params, template.shape.sql.secret, rules)
  to.raw(template.shape.beforeStatement)
  pair(to, 'statement', entry.statement)
  writeTextDigest(to, entry.text, template.textBytes, rules)
}

function writeTextDigest(to: CborWriter, text: string, bytes: number, { digestKey }: BodyRules): void {
  to.text('text_hmac')
  to.latin1(hmacLatin1(digestKey, ['text', text]))
  pair(to, 'text_bytes', bytes)
}

function writeHead(to: CborWriter, type: number, { monoUs, wallUs }: Moment): void {
  to.list(4)
  to.number(type)
  to.number(monoUs)
  to.number(wallUs)
}

/**
 * A statement that is like entry `like` of the same block, which has all in full: another run of the same text, or one that
 * differs from it in literals.
 */
export function writeLike(
  to: CborWriter,
  moment: Moment,
  run: TemplatedIntent & { readonly like: number; readonly text: 'same' | 'other' },
  rules: BodyRules,
): void {
  const { entry, template } = run
  writeHead(to, FRAME_TYPES.intent, moment)
  to.map(run.text === 'same' ? 3 : 5)
  pair(to, 'like', run.like)
  writeParams(to, entry.params, template.shape.sql.secret, rules)
  pair(to, 'statement', entry.statement)
  if (run.text === 'other') writeTextDigest(to, entry.text, template.textBytes, rules)
}

/** The VALUE of an intent: its keys in their order. Not for one that may hold a secret. */
export function writeIntentValue(
  to: CborWriter,
  { text, canonical, params }: TemplatedIntent['entry'],
  parts: 'all' | 'params',
  rules: BodyRules,
): void {
  to.map(parts === 'all' ? 3 : 1)
  if (parts === 'all') pair(to, 'text', text)
  to.text('params')
  if (rules.parameters === 'digests') to.null()
  else {
    to.list(params.length)
    for (const param of params) to.value(valueBytes(param))
  }
  if (parts === 'all') pair(to, 'canonical', canonical)
}

function writeParams(to: CborWriter, params: readonly Parameter[], secret: boolean, rules: BodyRules): void {
  to.text('params')
  to.list(params.length)
  for (const param of params) writeParam(to, param, secret, rules)
}

/** What META says of a parameter, its keys in their order. */
function writeParam(to: CborWriter, param: Parameter, secret: boolean, { digestKey }: BodyRules): void {
  const { value, format, typeOid } = param
  to.map(5)
  to.text('hmac')
  if (secret || value === null) to.null()
  else to.latin1(hmacLatin1(digestKey, ['param', value]))
  to.text('null')
  to.boolean(value === null)
  to.text('bytes')
  if (secret || value === null) to.null()
  else to.number(typeof value === 'string' ? Buffer.byteLength(value) : value.length)
  pair(to, 'format', format)
  pair(to, 'type_oid', typeOid)
}

/** The META of an OUTCOME, its keys written in their order: half of all entries are this one. */
export function writeCompletion(
  to: CborWriter,
  moment: Moment,
  { statement, completion }: Extract<Entry, { kind: 'completion' }>,
): void {
  writeHead(to, FRAME_TYPES.outcome, moment)
  const error = completion.kind === 'failed' ? completion.error : undefined
  to.map(error === undefined ? 2 : 3)
  if (error !== undefined) {
    to.text('error')
    writeMessage(to, error)
  }
  pair(to, 'statement', statement)
  to.text('completion')
  writeFields(to, completion)
}

/** Without its words: those are VALUE's. */
function writeMessage(to: CborWriter, { severity, sqlstate, constraint }: ServerMessage): void {
  to.map(3)
  pair(to, 'severity', severity)
  pair(to, 'sqlstate', sqlstate)
  pair(to, 'constraint', constraint)
}

export function writeNotice(
  to: CborWriter,
  moment: Moment,
  { statement, notice }: Extract<Entry, { kind: 'notice' }>,
): void {
  writeHead(to, FRAME_TYPES.notice, moment)
  to.map(2)
  to.text('notice')
  writeMessage(to, notice)
  pair(to, 'statement', statement)
}

export function writeRows(
  to: CborWriter,
  moment: Moment,
  { entry, kept }: { readonly entry: RowsEntry; readonly kept: RowsEvent['kept'] },
  rules: BodyRules,
): void {
  const { frames, columns } = entry
  writeHead(to, FRAME_TYPES.rows, moment)
  to.map(7)
  to.text('hmac')
  if (kept === 'frames') to.null()
  else to.latin1(hmacLatin1(rules.digestKey, ['rows', frames]))
  pair(to, 'kept', kept)
  pair(to, 'rows', entry.rows)
  pair(to, 'bytes', frames.length)
  pair(to, 'first', entry.first)
  to.text('columns')
  if (columns === null) to.null()
  else {
    to.list(columns.length)
    for (const { name, typeOid, format } of columns) {
      to.map(3)
      pair(to, 'name', name)
      pair(to, 'format', format)
      pair(to, 'type_oid', typeOid)
    }
  }
  pair(to, 'statement', entry.statement)
}

/** Keys in the order of their encodings; `waitedMs` is the last of any. */
function writeFields(to: CborWriter, completion: Completion): void {
  if (completion.kind === 'not-run' || completion.kind === 'unknown') {
    to.map(2)
    pair(to, 'why', completion.why)
    pair(to, 'kind', completion.kind)
    return
  }
  const { waitedMs } = completion
  to.map(waitedMs === undefined ? 5 : 6)
  pair(to, 'ms', completion.ms)
  if (completion.kind === 'done') pair(to, 'tag', completion.tag)
  if (completion.kind === 'cancelled') pair(to, 'why', completion.why)
  pair(to, 'kind', completion.kind)
  pair(to, 'rows', completion.rows)
  pair(to, 'bytes', completion.bytes)
  if (completion.kind === 'failed') pair(to, 'sqlstate', completion.sqlstate)
  if (waitedMs !== undefined) pair(to, 'waitedMs', waitedMs)
}

function pair(to: CborWriter, key: string, value: string | number | null): void {
  to.text(key)
  if (value === null) to.null()
  else if (typeof value === 'number') to.number(value)
  else to.text(value)
}
