import { describe, expect, test } from 'vitest'
import { openBench } from '../../test/open-bench.ts'
import type { ResultColumn } from '../hooks.ts'
import { isCleared } from './cleared.ts'
import type { Session } from './session.ts'

describe('the second wall', () => {
  const column = (tableOid: number, attnum: number): ResultColumn => ({
    name: 'c',
    tableOid,
    attnum,
    typeOid: 25,
    typmod: -1,
    format: 'text',
  })
  const cleared = async (session: Session) => {
    const verdict = await session.submit({ text: 'read' })
    if (verdict.kind === 'refused') throw new Error(verdict.refusal.message)
    return verdict.cleared
  }

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
