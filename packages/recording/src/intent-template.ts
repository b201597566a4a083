import type { Dialect, Effect, Entry } from '@querywarden/policy-core'
import { redactIntent } from './entry-bodies.ts'
import type { RedactedSql } from './redact-sql.ts'
import type { Redactor } from './remember-redactions.ts'

type Intent = Extract<Entry, { kind: 'intent' }>

/** What every run of one judged statement has in common, worked out once. */
export interface IntentTemplate {
  readonly sql: RedactedSql
}

interface Known extends IntentTemplate {
  readonly dialect: Dialect
  readonly account: Account
}

/** All of an intent but what changes with each run. */
type Account = Omit<Intent, 'kind' | 'statement' | 'params' | 'approval'>

/**
 * Finds the template of an intent by the identity of its reasons: the runs of one judgement share them, and a judgement
 * that is forgotten takes its template along. All else that a template says of an intent is compared too, lists by identity.
 */
export function intentTemplates(redact: Redactor): (intent: Intent, dialect: Dialect) => IntentTemplate {
  const known = new WeakMap<object, Known>()
  return (intent, dialect) => {
    const found = known.get(intent.reasons)
    if (found !== undefined && found.dialect === dialect && isSame(found.account, intent)) return found
    const { text, canonical, tag, effects, relations, functions, decision, reasons, obligations } = intent
    const made: Known = {
      dialect,
      account: { text, canonical, tag, effects, relations, functions, decision, reasons, obligations },
      sql: redactIntent(intent, { redact, dialect }),
    }
    known.set(reasons, made)
    return made
  }
}

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
