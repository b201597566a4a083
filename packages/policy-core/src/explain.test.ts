import { expect, test } from 'vitest'
import type { Decision } from './decision.ts'
import { explain } from './explain.ts'
import type { Facts, UsedColumn, UsedRelation } from './facts.ts'
import { ON_MASK } from './mask.ts'

const place = { start: 7, end: 16 }
const ssn: UsedColumn = { name: 'ssn', attnum: 1, typeOid: 25, typmod: -1, type: 'text', origins: [] }
const relation: UsedRelation = { schema: 'public', name: 'Customers', oid: 1, kind: 'table', columns: [ssn] }
const facts: Facts = {
  kind: 'understood',
  tag: 'SELECT',
  uses: [{ kind: 'relation', effect: 'read', access: 'select', relation, unbounded: true, place }],
  prohibitions: [],
  mentions: [],
  columns: [],
  outputs: null,
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: '',
}

test('an approval is explained with all that it brings along', () => {
  const decision: Decision = {
    kind: 'approve',
    terms: { rules: ['ask'], approverGroups: [['dba', 'owner']], quorum: 1, expiresMs: 600_000, mode: 'hold' },
    obligations: {
      masks: [
        { relation, columns: [{ column: ssn, mask: { kind: 'constant', value: 'hidden' }, ...ON_MASK, entry: 2 }] },
      ],
      detect: [{ detector: 'iban', mask: { kind: 'partial', first: 0, last: 4, fill: '*' } }],
      limits: { rowsMax: 10, bytesMax: null, timeMsMax: 30_000 },
    },
    reasons: [{ use: 'select on public."Customers"', answer: 'approve', rules: ['ask'], place }],
  }
  expect(explain(decision, facts)).toBe(
    [
      'approve',
      '  asked by ask: 1 approver in one of dba, owner, within 600 s',
      'SELECT: read',
      '  approve  select on public."Customers", by ask (bytes 7-16)',
      '  mask     public."Customers".ssn with constant, by masks[2]',
      '  mask     whatever looks like iban with partial (first 0, last 4)',
      '  limit    10 rows',
      '  limit    30000 ms',
    ].join('\n'),
  )
})

test('a denial is explained by what to do next', () => {
  const refusal = { code: 'NO_RULE_ALLOWS', rule: null, message: 'no', hint: 'ask', place, request: null } as const
  const reasons = [{ use: 'select on public.customers', answer: 'deny', rules: [], place }] as const
  expect(explain({ kind: 'deny', refusal, reasons }, facts)).toBe(
    [
      'deny (NO_RULE_ALLOWS)',
      '  no',
      '  next: ask',
      'SELECT: read',
      '  deny     select on public.customers, by default: no rule allows it (bytes 7-16)',
    ].join('\n'),
  )
})
