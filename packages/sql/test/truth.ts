import { type Access, effectsOf, type Facts } from '@querywarden/policy-core'

/** What a statement of the corpus really does; see the corpus's README. */
export interface Truth {
  readonly verdict: 'read' | 'not-read' | 'neutral'
  readonly kinds: readonly string[]
  readonly mayAlso: readonly string[]
  readonly writesTables: readonly string[]
  readonly readsTables: readonly string[]
  readonly statementCount?: number
  readonly unboundedWrite?: boolean
  readonly syntaxError?: boolean
  readonly dangerousFunctions: readonly string[]
}

/** What the corpus calls a kind of deed, by the effects that stand for it. Any one of them does. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  read: ['read', 'write', 'session', 'external', 'maintenance', 'procedural', 'transaction', 'ddl'],
  write: ['write'],
  ddl: ['ddl'],
  dcl: ['dcl'],
  // A message to other sessions, and when constraints are checked, are more than the session's own affair.
  session: ['session', 'external', 'transaction'],
  transaction: ['transaction'],
  lock: ['write', 'session'],
  procedural: ['procedural', 'read'],
  utility: ['maintenance', 'read', 'session', 'external', 'write', 'ddl', 'transaction', 'dcl'],
  admin: ['maintenance', 'external', 'dcl', 'session'],
  os: ['external'],
}

const WRITES: ReadonlySet<Access> = new Set(['insert', 'update', 'delete', 'truncate', 'copy', 'ddl', 'maintain'])

/** What facts say, in the corpus's terms. */
export interface Said {
  readonly effects: ReadonlySet<string>
  readonly written: ReadonlySet<string>
  readonly used: ReadonlySet<string>
  readonly functions: ReadonlySet<string>
  readonly unbounded: boolean
}

export function said(all: readonly Facts[]): Said {
  const uses = all.flatMap(facts => (facts.kind === 'understood' ? facts.uses : []))
  const relations = uses.flatMap(use => (use.kind === 'relation' ? [use] : []))
  const nameOf = ({ relation: { schema, name } }: (typeof relations)[number]) => `${schema}.${name}`
  return {
    effects: new Set(all.flatMap(effectsOf)),
    written: new Set(
      relations.filter(use => use.effect !== 'read' && use.effect !== 'dcl' && WRITES.has(use.access)).map(nameOf),
    ),
    used: new Set(relations.map(nameOf)),
    functions: new Set(uses.flatMap(use => (use.kind === 'function' ? [use.function.split('.').at(-1) ?? ''] : []))),
    unbounded: relations.some(use => use.unbounded),
  }
}

/** What the truth has and the facts lack. What is `unknown` may do anything: nothing is lacking then. */
export function missing(truth: Truth, { effects, written, used, functions, unbounded }: Said): readonly string[] {
  if (effects.has('unknown') || truth.syntaxError === true) return []
  return [
    ...truth.kinds
      .filter(kind => KINDS[kind]?.some(effect => effects.has(effect)) !== true)
      .map(kind => `kind ${kind}`),
    ...truth.writesTables.filter(table => !written.has(table)).map(table => `write of ${table}`),
    ...truth.readsTables.filter(table => !used.has(table)).map(table => `read of ${table}`),
    ...truth.dangerousFunctions.filter(name => !functions.has(name)).map(name => `function ${name}`),
    ...(truth.unboundedWrite === true && !unbounded ? ['unbounded'] : []),
  ]
}

/** What the facts have and the truth has not: how they are stricter than what happens. */
export function excess(truth: Truth, { effects, written, unbounded }: Said): readonly string[] {
  const kinds = [...truth.kinds, ...truth.mayAlso]
  const meant = new Set(kinds.flatMap(kind => KINDS[kind] ?? []))
  return [
    ...[...effects].filter(effect => effect !== 'read' && !meant.has(effect)).map(effect => `effect ${effect}`),
    ...[...written]
      .filter(table => !truth.writesTables.includes(table) && !meant.has('ddl'))
      .map(table => `write of ${table}`),
    ...(unbounded && truth.unboundedWrite !== true ? ['unbounded'] : []),
  ]
}
