import type { Dialect, Effect, Entry } from '@querywarden/policy-core'
import type { CborMap } from './canonical-cbor.ts'
import { CborWriter } from './cbor-writer.ts'
import { obligationsMeta, reasonMeta, redactIntent } from './entry-bodies.ts'
import { type RedactedSql, redactSql } from './redact-sql.ts'

type Intent = Extract<Entry, { kind: 'intent' }>

/** What every run of one judged statement has in common, worked out once. */
export interface IntentTemplate {
  readonly sql: RedactedSql
  /** The META of its intents as CBOR, in pieces: what comes before the parameters, before the number, and last. */
  readonly beforeParams: Uint8Array
  readonly beforeStatement: Uint8Array
  readonly last: Uint8Array
}

interface Known extends IntentTemplate {
  readonly dialect: Dialect
  readonly account: Account
}

/** All of an intent but what changes with each run. */
type Account = Omit<Intent, 'kind' | 'statement' | 'params' | 'approval'>

/** So many texts are remembered, and templates of each: sessions under other rules have other reasons for the same text. */
const TEXTS_MAX = 512
const TEMPLATES_MAX = 4
const REMEMBERED_CHARS_MAX = 4_096

/**
 * Finds the template of an intent. The runs of one judgement share its reasons and lists: those are compared by identity,
 * texts by what they say. New texts are as common as old ones, so that what is kept for them is little and bounded.
 */
export function intentTemplates(): (intent: Intent, dialect: Dialect) => IntentTemplate {
  const known = new Map<string, readonly Known[]>()
  return (intent, dialect) => {
    const same = known.get(intent.text)
    const found = same?.find(one => one.dialect === dialect && isSame(one.account, intent))
    if (found !== undefined) return found
    const made = templateOf(intent, dialect)
    if (intent.text.length > REMEMBERED_CHARS_MAX) return made
    if (same === undefined && known.size >= TEXTS_MAX) {
      // A Map keeps the order of insertion: the first key is the oldest.
      const oldest = known.keys().next()
      if (oldest.done !== true) known.delete(oldest.value)
    }
    known.set(intent.text, same === undefined ? [made] : [made, ...same].slice(0, TEMPLATES_MAX))
    return made
  }
}

function templateOf(intent: Intent, dialect: Dialect): Known {
  const { text, canonical, tag, effects, relations, functions, decision, reasons, obligations } = intent
  const sql = redactIntent(intent, { redact: redactSql, dialect })
  const { beforeParams, beforeStatement, last } = encodedPieces(intent, sql)
  const account = { text, canonical, tag, effects, relations, functions, decision, reasons, obligations }
  return { dialect, account, sql, beforeParams, beforeStatement, last }
}

/** The keys of an INTENT's META in the order of their encodings, but for `params`, `statement` and `text_hmac`. */
function encodedPieces(intent: Intent, sql: RedactedSql): Omit<IntentTemplate, 'sql'> {
  const { masks, detect, limits } = obligationsMeta(intent.obligations)
  return {
    beforeParams: pieceOf({ sql: sql.text, tag: intent.tag, masks, detect, limits }),
    beforeStatement: pieceOf({
      secret: sql.secret,
      effects: intent.effects,
      reasons: intent.reasons.map(reasonMeta),
      // Whatever goes in a block needed none.
      approval: null,
      decision: intent.decision,
      functions: intent.functions,
      relations: intent.relations,
    }),
    last: pieceOf({ text_bytes: Buffer.byteLength(intent.text) }),
  }
}

/** How many pairs the pieces and what comes between them make. */
export const INTENT_PAIRS = 16

/** Pairs in the order they are given. */
function pieceOf(fields: CborMap): Uint8Array {
  piece.cutTo(0)
  for (const key in fields) {
    piece.text(key)
    piece.value(fields[key] ?? null)
  }
  return Buffer.from(piece.written)
}

const piece = new CborWriter(4_096)

const isSame = (a: Account, b: Account): boolean =>
  a.text === b.text &&
  a.canonical === b.canonical &&
  a.tag === b.tag &&
  a.effects === b.effects &&
  a.relations === b.relations &&
  a.functions === b.functions &&
  a.decision === b.decision &&
  a.reasons === b.reasons &&
  a.obligations === b.obligations

/** What leaves nothing behind in the database. */
const LIGHT: ReadonlySet<Effect> = new Set(['read', 'session', 'transaction'])
/** A statement that is longer has a frame of its own. */
const TEXT_CHARS_MAX = 16_384
const PARAM_BYTES_MAX = 16_384

/**
 * Whether a cleared statement may run as soon as the kernel has its intent: it only reads, or sets and ends what is the
 * session's own, and nobody was asked. See docs/decisions/0006.
 */
export const isLight = (intent: Intent): boolean =>
  intent.decision === 'allow' &&
  intent.approval === null &&
  intent.effects.length > 0 &&
  intent.effects.every(effect => LIGHT.has(effect)) &&
  intent.text.length + intent.canonical.length <= TEXT_CHARS_MAX &&
  intent.params.reduce((bytes, { value }) => bytes + (value?.length ?? 0), 0) <= PARAM_BYTES_MAX
