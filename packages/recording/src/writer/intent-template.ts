import type { Dialect, Effect, Entry } from '@querywarden/policy-core'
import type { CborMap } from '../format/canonical-cbor.ts'
import { CborWriter } from '../format/cbor-writer.ts'
import { type RedactedSql, redactSql } from '../redaction/redact-sql.ts'
import { obligationsMeta, reasonMeta, redactIntent } from './entry-bodies.ts'

type Intent = Extract<Entry, { kind: 'intent' }>

/** What statements under one ruling that differ in literals alone have in common, worked out once. */
export interface IntentShape {
  readonly sql: RedactedSql
  /** The META of its intents as CBOR, in pieces: what comes before the parameters, and before the number. */
  readonly beforeParams: Uint8Array
  readonly beforeStatement: Uint8Array
}

/** What every run of one judged statement has in common. */
export interface IntentTemplate {
  readonly shape: IntentShape
  readonly canonical: string
  readonly textBytes: number
}

/** What a judgement says beside the text: as few of these there are as there are rules and kinds of statements. */
type Ruling = Pick<Intent, 'tag' | 'effects' | 'relations' | 'functions' | 'decision' | 'reasons' | 'obligations'>

const TEMPLATES_MAX = 1_024
const SHAPES_MAX = 1_024
const REMEMBERED_CHARS_MAX = 4_096

/**
 * Finds the template of an intent. Sessions under the same rules share the templates of the texts that they share. New
 * texts are as common as old ones, so that what is kept for them is little and bounded.
 */
export function intentTemplates(): (intent: Intent, dialect: Dialect) => IntentTemplate {
  const templates = new Map<string, IntentTemplate>()
  const shapes = new Map<string, IntentShape>()
  const rulingOf = rulings()
  return (intent, dialect) => {
    const ruling = rulingOf(intent)
    const isShort = intent.text.length <= REMEMBERED_CHARS_MAX
    const key = isShort ? `${dialect} ${ruling} ${intent.text}` : ''
    const known = isShort ? templates.get(key) : undefined
    if (known !== undefined && known.canonical === intent.canonical) return known
    const sql = redactIntent(intent, { redact: redactSql, dialect })
    const shapeKey = `${ruling} ${sql.secret} ${sql.hasValues} ${sql.showsStatements} ${sql.showsSettings} ${sql.text}`
    let shape = shapes.get(shapeKey)
    if (shape === undefined) {
      shape = { sql, ...encodedPieces(intent, sql) }
      if (isShort) remember(shapes, shapeKey, shape, SHAPES_MAX)
    }
    const made = { shape, canonical: intent.canonical, textBytes: Buffer.byteLength(intent.text) }
    if (isShort) remember(templates, key, made, TEMPLATES_MAX)
    return made
  }
}

function remember<T>(known: Map<string, T>, key: string, value: T, max: number): void {
  if (known.size >= max) {
    // A Map keeps the order of insertion: the first key is the oldest.
    const oldest = known.keys().next()
    if (oldest.done !== true) known.delete(oldest.value)
  }
  known.set(key, value)
}

const RULINGS_MAX = 4_096

/**
 * Numbers rulings by what they say. The runs of one judgement share the objects that say it, so most are known by them:
 * what they say is looked at once.
 */
function rulings(): (intent: Intent) => number {
  const byReasons = new WeakMap<Intent['reasons'], { readonly ruling: Ruling; readonly number: number }>()
  const byContent = new Map<string, number>()
  let latest = 0
  return intent => {
    const known = byReasons.get(intent.reasons)
    if (known !== undefined && isSame(known.ruling, intent)) return known.number
    const { tag, effects, relations, functions, decision, reasons, obligations } = intent
    const said = [tag, effects, relations, functions, decision, reasons.map(reasonMeta), obligationsMeta(obligations)]
    const content = JSON.stringify(said)
    if (byContent.size >= RULINGS_MAX) byContent.clear()
    const number = byContent.get(content) ?? ++latest
    byContent.set(content, number)
    byReasons.set(reasons, { number, ruling: { tag, effects, relations, functions, decision, reasons, obligations } })
    return number
  }
}

const isSame = (a: Ruling, b: Ruling): boolean =>
  a.tag === b.tag &&
  a.effects === b.effects &&
  a.relations === b.relations &&
  a.functions === b.functions &&
  a.decision === b.decision &&
  a.reasons === b.reasons &&
  a.obligations === b.obligations

/** The keys of an INTENT's META in the order of their encodings, but for what differs from one to the next. */
function encodedPieces(intent: Intent, sql: RedactedSql): Omit<IntentShape, 'sql'> {
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
