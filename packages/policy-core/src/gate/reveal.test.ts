import { describe, expect, test } from 'vitest'
import type { UsedRelation } from '../facts.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'
import { Cleared } from './cleared.ts'
import { type ColumnOrigin, rawAmong } from './reveal.ts'

const relation = (oid: number, name: string, parts: Partial<UsedRelation> = {}): UsedRelation => ({
  schema: 'public',
  name,
  oid,
  kind: 'table',
  columns: ['id', 'ssn'].map((column, i) => ({
    name: column,
    attnum: i + 1,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [{ schema: 'public', name, column }],
  })),
  ...parts,
})
const view = (oid: number, name: string, reads: readonly UsedRelation[]): UsedRelation =>
  relation(oid, name, {
    kind: 'derived',
    view: { text: '', isMaterialized: false, isSecurityBarrier: false, isSecurityInvoker: false, reads },
  })

const NOWHERE = { start: 0, end: 0 }
const POLICY = compilePolicy(
  parsePolicy({ version: 1, rules: [], masks: [{ columns: ['public.customers.ssn'], with: 'redact' }] }),
  { version: '1' },
)
const PRINCIPAL = { issuer: 'i', subject: 's', groups: [], actor: null, expiresAt: 1, credentialDigest: null }
const STANDING = POLICY.for(PRINCIPAL, { name: 'app', dialect: 'postgres' }, 0)

/** A statement whose obligations have lost its masks: what the wall is there for. */
const clearedOf = (...relations: readonly UsedRelation[]): Cleared =>
  new Cleared({
    number: 1,
    statement: { dialect: 'postgres', text: '', params: [] },
    facts: {
      kind: 'understood',
      tag: 'SELECT',
      uses: relations.map(one => ({
        kind: 'relation',
        effect: 'read',
        access: 'select',
        relation: one,
        unbounded: false,
        place: NOWHERE,
      })),
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
    },
    obligations: { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } },
    maskedColumns: STANDING.maskedColumns,
    approval: null,
    estimatedRows: null,
    clearedMs: 0,
  })

const CUSTOMERS = relation(20_000, 'customers')
const at = (tableOid: number, attnum: number): ColumnOrigin => ({ tableOid, attnum })

describe('the second wall asks the policy, not the masks that were to be put in', () => {
  test.each<[string, readonly UsedRelation[], ColumnOrigin, string | null]>([
    ['an unmasked column', [CUSTOMERS], at(20_000, 1), null],
    ['a masked one', [CUSTOMERS], at(20_000, 2), 'RAW_COLUMN'],
    ['a whole row', [CUSTOMERS], at(20_000, 0), 'RAW_COLUMN'],
    ['a whole row of a relation without masks', [relation(20_001, 'orders')], at(20_001, 0), null],
    ['a relation that was not judged', [relation(20_001, 'orders')], at(20_000, 1), 'UNEXPECTED_ORIGIN'],
    ['what a view reads', [view(20_010, 'people', [CUSTOMERS])], at(20_000, 1), null],
    ['a masked column under a view', [view(20_010, 'people', [CUSTOMERS])], at(20_000, 2), 'RAW_COLUMN'],
    [
      'a masked column under a view of a view',
      [view(20_011, 'all', [view(20_010, 'people', [CUSTOMERS])])],
      at(20_000, 2),
      'RAW_COLUMN',
    ],
    ['a system column of a masked relation', [CUSTOMERS], at(20_000, -1), null],
    ['a system relation', [CUSTOMERS], at(1_259, 2), null],
    ['nothing that the server could name', [CUSTOMERS], at(0, 0), null],
  ])('%s', (_what, relations, column, code) => {
    expect(rawAmong(clearedOf(...relations), [at(0, 0), column])?.code ?? null).toBe(code)
  })

  test('a relation that code uses with fewer of its columns hides none of those of the statement itself', () => {
    const { columns } = CUSTOMERS
    const ofTheTrigger = { ...CUSTOMERS, columns: columns.slice(0, 1) }
    expect(rawAmong(clearedOf(ofTheTrigger, CUSTOMERS), [at(20_000, 2)])?.code).toBe('RAW_COLUMN')
    expect(rawAmong(clearedOf(CUSTOMERS, ofTheTrigger), [at(20_000, 2)])?.code).toBe('RAW_COLUMN')
  })
})
