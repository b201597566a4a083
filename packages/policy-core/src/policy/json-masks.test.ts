import { expect, test } from 'vitest'
import type { UsedColumn, UsedRelation } from '../facts.ts'
import { compilePolicy } from './compile.ts'
import { parsePolicy } from './parse.ts'

const policy = compilePolicy(
  parsePolicy({
    version: 1,
    rules: [],
    masks: [{ columns: ['public.docs.doc'], with: { json: { '$.contact.email': 'email' } } }],
  }),
  { version: '1' },
)
const ada = { issuer: 'i', subject: 'ada', groups: [], actor: null, expiresAt: 1, credentialDigest: null }
const target = { name: 'app', dialect: 'postgres' } as const

const doc: UsedColumn = { name: 'doc', attnum: 1, typeOid: 3802, typmod: -1, type: 'jsonb', origins: [] }
const origins = [{ schema: 'public', name: 'docs', column: 'doc' }]
const relation = (name: string, column: UsedColumn, kind: UsedRelation['kind'] = 'table'): UsedRelation => ({
  schema: 'public',
  name,
  oid: 1,
  kind,
  columns: [column],
})
const kindsOf = (of: UsedRelation): readonly string[] =>
  policy
    .for(ada, target)
    .maskedColumns(of)
    .map(({ mask }) => mask.kind)

test('paths of JSON lead through the column itself and through its partitions', () => {
  expect(kindsOf(relation('docs', doc))).toEqual(['json'])
  expect(kindsOf(relation('docs_2024', { ...doc, origins }))).toEqual(['json'])
})

test('they lead nowhere in what is made of the column, which may be a part of it: that is redacted (P6)', () => {
  expect(kindsOf(relation('docs', { ...doc, name: 'part', origins }))).toEqual(['redact'])
  expect(kindsOf(relation('v_docs', { ...doc, origins }, 'derived'))).toEqual(['redact'])
})
