import type { Catalog } from '../src/catalog.ts'
import type { CloseReason, Entry } from '../src/entry.ts'
import type { Facts, UsedRelation } from '../src/facts.ts'
import { type GateOptions, openGate, recommendedLimits } from '../src/gate/open-gate.ts'
import type { Session } from '../src/gate/session.ts'
import type { Answer } from '../src/hooks.ts'
import { compilePolicy } from '../src/policy/compile.ts'
import { parsePolicy } from '../src/policy/parse.ts'
import type { Policy } from '../src/policy/policy.ts'
import type { Principal } from '../src/principal.ts'

export const POLICY: Policy = parsePolicy({
  version: 1,
  rules: [
    { id: 'read', decision: 'allow', what: { effects: ['read'] } },
    {
      id: 'ask',
      decision: 'approve',
      what: { effects: ['write'] },
      approval: { approvers: { groups: ['dba'] }, quorum: 1, expires: '10m', mode: 'hold' },
    },
  ],
  masks: [{ columns: ['public.customers.ssn'], with: 'redact' }],
})

export const CUSTOMERS: UsedRelation = {
  schema: 'public',
  name: 'customers',
  oid: 20_000,
  kind: 'table',
  columns: [1, 2].map(attnum => ({
    name: attnum === 1 ? 'id' : 'ssn',
    attnum,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [{ schema: 'public', name: 'customers', column: attnum === 1 ? 'id' : 'ssn' }],
  })),
}

export const catalogOf = (fingerprint: string): Catalog => ({
  fingerprint,
  major: 17,
  searchPath: ['public'],
  relations: new Map(),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
})

export const NOWHERE = { start: 0, end: 0 }
export const PRINCIPAL: Principal = {
  issuer: 'i',
  subject: 's',
  groups: [],
  actor: null,
  expiresAt: 1_000,
  credentialDigest: null,
}

/** `read …`, `write …` and `drop …` are all the language there is. */
export const classify = ({ text }: { readonly text: string }, { fingerprint }: Catalog): Facts => {
  const effect = (['read', 'write', 'ddl'] as const).find(known => text.startsWith(known))
  if (effect === undefined) return { kind: 'opaque', code: 'SYNTAX', message: 'no such word', offset: 0 }
  const access = effect === 'read' ? 'select' : effect === 'write' ? 'insert' : 'ddl'
  return {
    kind: 'understood',
    tag: effect.toUpperCase(),
    uses: [{ kind: 'relation', effect, access, relation: CUSTOMERS, unbounded: false, place: NOWHERE }],
    prohibitions: [],
    mentions: [],
    columns: [],
    outputs: null,
    calls: [],
    fingerprint: '',
    canonical: text,
    copy: null,
    searchPath: text === 'read no path' ? 'emptied' : 'kept',
    catalogFingerprint: fingerprint,
  }
}

/** A session, with what it had recorded. */
export interface Bench {
  readonly session: Session
  readonly entries: Entry[]
  readonly closed: CloseReason[]
}

/** A session of a gate under {@link POLICY}, but for `changes`. */
export async function openBench(changes: Partial<GateOptions> = {}): Promise<Bench> {
  const entries: Entry[] = []
  const closed: CloseReason[] = []
  const gate = openGate({
    policy: compilePolicy(POLICY, { version: '1' }),
    classify,
    rewrite: ({ text }, _facts, masks) => ({ kind: 'rewritten', text: `${text} with ${masks.length} masked` }),
    catalog: () => Promise.resolve(catalogOf('f')),
    mask: { sql: () => 'null', rows: () => null },
    approve: () => Promise.reject(new Error('nobody asked for this')),
    record: () =>
      Promise.resolve({
        append: entry => {
          entries.push(entry)
          return Promise.resolve()
        },
        close: reason => {
          closed.push(reason)
          return Promise.resolve()
        },
      }),
    clock: { now: () => 0, monotonic: () => 0 },
    limits: recommendedLimits,
    ...changes,
  })
  return {
    session: await gate.session({ id: 'session', principal: PRINCIPAL, target: { name: 'app', dialect: 'postgres' } }),
    entries,
    closed,
  }
}

export const answering =
  (answer: Answer): GateOptions['approve'] =>
  async (_question, _signal, onPending) => {
    onPending({ request: answer.request, expiresAt: 9 })
    return answer
  }

export const GRANTED: Answer = {
  kind: 'granted',
  request: 'r',
  by: [{ issuer: 'i', subject: 'dana', groups: ['dba'] }],
  reason: 'fine',
}
