import { describe, expect, test } from 'vitest'
import { CUSTOMERS, catalogOf, classify, openBench } from '../../test/open-bench.ts'
import { relationKey } from '../catalog.ts'
import type { Facts, UsedRelation } from '../facts.ts'
import type { ResultColumn } from '../hooks.ts'
import { isCleared } from './cleared.ts'
import type { GateOptions } from './open-gate.ts'
import type { Session } from './session.ts'

const column = (tableOid: number, attnum: number): ResultColumn => ({
  name: 'c',
  tableOid,
  attnum,
  typeOid: 25,
  typmod: -1,
  format: 'text',
})
const cleared = async (session: Session, text = 'read') => {
  const verdict = await session.submit({ text })
  if (verdict.kind === 'refused') throw new Error(verdict.refusal.message)
  return verdict.cleared
}

describe('the second wall', () => {
  test('lets through what is unmasked, computed, or of the system', async () => {
    const { session } = await openBench()
    const columns = [column(20_000, 1), column(0, 0), column(1_259, 2)]
    expect(session.reveal(await cleared(session), columns)).toEqual({ kind: 'clean', mask: null })
  })

  test.each([
    ['a masked column', column(20_000, 2), 'RAW_COLUMN'],
    ['a whole row of a masked relation', column(20_000, 0), 'RAW_COLUMN'],
    ['a relation that was not judged', column(20_001, 1), 'UNEXPECTED_ORIGIN'],
  ])('stops %s', async (_what, one, code) => {
    const { session, entries } = await openBench()
    const proof = await cleared(session)
    expect(session.reveal(proof, [one])).toMatchObject({ kind: 'raw', code })
    await expect(session.release(proof, { columns: [one], rows: [['secret']], ms: 1 })).rejects.toMatchObject({ code })
    expect(entries.at(-1)).toMatchObject({ kind: 'incident', statement: 1, code })
  })

  test('release masks rows in place and records the outcome', async () => {
    const { session, entries } = await openBench({
      mask: { sql: () => 'null', rows: () => cells => cells.fill('masked') },
    })
    const proof = await cleared(session)
    expect(await session.release(proof, { columns: [column(0, 0)], rows: [['a'], ['b']], ms: 2 })).toEqual([
      ['masked'],
      ['masked'],
    ])
    expect(entries.at(-1)).toMatchObject({ kind: 'completion', completion: { kind: 'done', rows: 2, ms: 2 } })
  })

  test('P10: release drops a result in which somebody finds what must never leave the target', async () => {
    const { session, entries } = await openBench({
      watch: (cell, { name }) => (cell === 'planted' ? `of ${name}` : null),
    })
    const proof = await cleared(session)
    const columns = [column(0, 0)]
    await session.release(proof, { columns, rows: [['a'], [null]], ms: 1 })
    await expect(session.release(proof, { columns, rows: [['a'], ['planted']], ms: 1 })).rejects.toMatchObject({
      code: 'CANARY',
    })
    expect(entries.at(-1)).toMatchObject({ kind: 'incident', statement: 1, code: 'CANARY' })
    expect(JSON.stringify(entries.at(-1))).toContain('`of app`')
    expect(JSON.stringify(entries.at(-1))).not.toContain('planted')
  })

  test('the proof can not be made by hand', async () => {
    const { session } = await openBench()
    const proof = await cleared(session)
    expect(isCleared(proof)).toBe(true)
    expect(isCleared({ ...proof })).toBe(false)
    expect(isCleared(structuredClone(proof))).toBe(false)
  })
})

describe('a relation that code works on is looked at whole, though only what the code names of it is known', () => {
  const [id] = CUSTOMERS.columns
  const narrowed: UsedRelation = { ...CUSTOMERS, columns: id === undefined ? [] : [id] }

  /** A gate whose every statement sets off a trigger that reads the `id` of customers alone, and is a COPY where it says so. */
  const openOnTrigger = (relation: UsedRelation, changes: Partial<GateOptions> = {}) =>
    openBench({
      classify: (statement, catalog): Facts => {
        const facts = classify(statement, catalog)
        if (facts.kind === 'opaque') return facts
        const uses = facts.uses.map(use =>
          use.kind === 'relation'
            ? { ...use, relation, via: { kind: 'trigger' as const, name: 'public.t.tell' } }
            : use,
        )
        return { ...facts, uses, copy: statement.text.endsWith('copy') ? 'out' : null }
      },
      catalog: () =>
        Promise.resolve({
          ...catalogOf('f'),
          relations: new Map([[relationKey(CUSTOMERS), { ...CUSTOMERS, opaque: null, reactions: [] }]]),
        }),
      ...changes,
    })

  test('P10: a masked column that the code does not name does not arrive raw', async () => {
    const { session } = await openOnTrigger(narrowed)
    const proof = await cleared(session)
    expect(session.reveal(proof, [column(20_000, 1)])).toMatchObject({ kind: 'clean' })
    expect(session.reveal(proof, [column(20_000, 2)])).toMatchObject({ kind: 'raw', code: 'RAW_COLUMN' })
    expect(session.reveal(proof, [column(20_000, 0)])).toMatchObject({ kind: 'raw', code: 'RAW_COLUMN' })
    expect(session.revealCopy(proof, [column(20_000, 2)])).toMatchObject({ code: 'RAW_COLUMN' })
  })

  test('P10: the server is asked what a COPY gives whose code works on it', async () => {
    const { session } = await openOnTrigger(narrowed)
    expect(session.looksBehindCopy(await cleared(session, 'read copy'))).toBe(true)
  })

  test('P10: the words of errors are withheld', async () => {
    const { session } = await openOnTrigger(narrowed)
    expect((await cleared(session)).obligations.withholdsWords).toBe(true)
  })

  test('one that the policy hides nothing of, and one that the catalog has not, are as the statement has them', async () => {
    const other = { ...narrowed, name: 'orders' }
    const { session } = await openOnTrigger(other)
    const proof = await cleared(session, 'read copy')
    expect(session.reveal(proof, [column(20_000, 2)])).toMatchObject({ kind: 'clean' })
    expect(session.looksBehindCopy(proof)).toBe(false)
    expect(proof.obligations.withholdsWords).toBeUndefined()
  })
})
