import type { Completion, Entry, Parameter } from '@querywarden/policy-core'
import type { CborWriter } from './cbor-writer.ts'
import type { BodyRules } from './entry-bodies.ts'
import { INTENT_PAIRS, type IntentTemplate } from './intent-template.ts'
import { FRAME_TYPES } from './layout.ts'
import { hmacLatin1 } from './mac.ts'
import type { Moment } from './moment.ts'

/** Writes an entry of a block: `[type, mono_us, wall_us, META]`. */
export function writeIntent(
  to: CborWriter,
  moment: Moment,
  { entry, template }: { readonly entry: Extract<Entry, { kind: 'intent' }>; readonly template: IntentTemplate },
  rules: BodyRules,
): void {
  writeHead(to, FRAME_TYPES.intent, moment)
  to.map(INTENT_PAIRS)
  to.raw(template.beforeParams)
  writeParams(to, entry.params, template, rules)
  to.raw(template.beforeStatement)
  pair(to, 'statement', entry.statement)
  to.text('text_hmac')
  to.latin1(hmacLatin1(rules.digestKey, ['text', entry.text]))
  to.raw(template.last)
}

function writeHead(to: CborWriter, type: number, { monoUs, wallUs }: Moment): void {
  to.list(4)
  to.number(type)
  to.number(monoUs)
  to.number(wallUs)
}

/** Another run of the statement that entry `like` of the same block has in full. */
export function writeRepeat(
  to: CborWriter,
  moment: Moment,
  run: {
    readonly like: number
    readonly entry: Extract<Entry, { kind: 'intent' }>
    readonly template: IntentTemplate
  },
  rules: BodyRules,
): void {
  writeHead(to, FRAME_TYPES.intent, moment)
  to.map(3)
  pair(to, 'like', run.like)
  writeParams(to, run.entry.params, run.template, rules)
  pair(to, 'statement', run.entry.statement)
}

function writeParams(to: CborWriter, params: readonly Parameter[], { sql }: IntentTemplate, rules: BodyRules): void {
  to.text('params')
  to.list(params.length)
  for (const param of params) writeParam(to, param, sql.secret, rules)
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
  to.map(2)
  pair(to, 'statement', statement)
  to.text('completion')
  writeFields(to, completion)
}

function writeFields(to: CborWriter, completion: Completion): void {
  switch (completion.kind) {
    case 'done':
      to.map(5)
      pair(to, 'ms', completion.ms)
      pair(to, 'tag', completion.tag)
      pair(to, 'kind', completion.kind)
      pair(to, 'rows', completion.rows)
      pair(to, 'bytes', completion.bytes)
      return
    case 'failed':
      to.map(5)
      pair(to, 'ms', completion.ms)
      pair(to, 'kind', completion.kind)
      pair(to, 'rows', completion.rows)
      pair(to, 'bytes', completion.bytes)
      pair(to, 'sqlstate', completion.sqlstate)
      return
    case 'cancelled':
      to.map(5)
      pair(to, 'ms', completion.ms)
      pair(to, 'why', completion.why)
      pair(to, 'kind', completion.kind)
      pair(to, 'rows', completion.rows)
      pair(to, 'bytes', completion.bytes)
      return
    case 'not-run':
    case 'unknown':
      to.map(2)
      pair(to, 'why', completion.why)
      pair(to, 'kind', completion.kind)
      return
  }
}

function pair(to: CborWriter, key: string, value: string | number): void {
  to.text(key)
  if (typeof value === 'number') to.number(value)
  else to.text(value)
}
