import { expect, test } from 'vitest'
import { Names, nameKey } from './names.ts'
import { newRun, type Portal } from './portal.ts'
import { preparedStatement } from './prepared-statement.ts'

const statement = (name: string, text = 'select 1') =>
  preparedStatement({
    name,
    upstreamName: `up_${name}`,
    text,
    sentText: text,
    parameterTypes: [],
    isEmpty: false,
    withheld: false,
    positionShift: 0,
    naming: null,
  })

const portal = (name: string, isHold: boolean | null = null): Portal => ({
  name,
  upstreamName: `up_${name}`,
  statement: statement('s'),
  subject: statement('s'),
  parameters: [],
  run: newRun(),
  target: null,
  cursor: isHold === null ? null : { isHold, isBinary: false, isHeld: false },
  columns: null,
  mask: null,
})

const names = (...portals: readonly Portal[]) => {
  const gone: string[] = []
  const registry = new Names(({ name }) => gone.push(name))
  for (const one of portals) registry.addPortal(one)
  return { registry, gone }
}

test('P4: a transaction takes its portals along, but for the cursors that it commits WITH HOLD', () => {
  const { registry, gone } = names(portal('p'), portal('c', false), portal('h', true))
  registry.endTransaction('committed')
  expect(gone).toEqual(['p', 'c'])
  registry.addPortal(portal('h2', true))
  registry.endTransaction('rolled-back')
  expect(gone).toEqual(['p', 'c', 'h2'])
  expect(registry.portal('h')).toBeDefined()
})

test('P4: a transaction without an end of its own ends well, unless the server reported an error', () => {
  const { registry } = names(portal('h', true))
  registry.settle()
  expect(registry.portal('h')).toBeDefined()
  registry.addPortal(portal('h2', true))
  registry.fail()
  registry.settle()
  expect(registry.portal('h2')).toBeUndefined()
  registry.addPortal(portal('h3', true))
  registry.settle()
  expect(registry.portal('h3')).toBeDefined()
})

test('P4: what was made since a savepoint goes with it, and what was made before stays', () => {
  const { registry, gone } = names(portal('held', true))
  registry.endTransaction('committed')
  registry.addPortal(portal('a'))
  registry.addSavepoint('s')
  registry.addPortal(portal('b', false))
  registry.addSavepoint('s')
  registry.addPortal(portal('c', true))
  registry.rollBackTo('s')
  expect(gone).toEqual(['c'])
  registry.addPortal(portal('d'))
  registry.releaseSavepoint('s')
  registry.rollBackTo('s')
  expect(gone).toEqual(['c', 'b', 'd'])
  registry.rollBackTo('nobody knows')
  expect(gone).toEqual(['c', 'b', 'd', 'a'])
  expect(registry.portal('held')).toBeDefined()
})

test('P4: names of messages are cut at 63 bytes, in the midst of a character too', () => {
  const { registry } = names()
  registry.addStatement(statement('x'.repeat(70)))
  expect(registry.statement('x'.repeat(63))).toBeDefined()
  expect(registry.statement('x'.repeat(62))).toBeUndefined()
  registry.removeStatement(`${'x'.repeat(63)}y`)
  expect(registry.statementsCount).toBe(0)
  expect(nameKey(`${'x'.repeat(61)}€€`)).toBe(nameKey(`${'x'.repeat(61)}€`))
  expect(nameKey(`${'x'.repeat(61)}€`)).not.toBe(nameKey(`${'x'.repeat(61)}é`))
  expect(nameKey('é'.repeat(31))).toBe('é'.repeat(31))
  const cut = portal('é'.repeat(40))
  registry.addPortal(cut)
  expect(registry.portal('é'.repeat(50))).toBe(cut)
  registry.endTransaction('committed')
  expect(registry.portal('é'.repeat(50))).toBeUndefined()
})

test('DEALLOCATE ALL leaves the unnamed statement, and all that is dropped gives back its room', () => {
  const { registry } = names()
  const before = registry.heldBytes
  for (const name of ['', 'a', 'b']) registry.addStatement(statement(name, 'x'.repeat(1_000)))
  registry.removeAllStatements()
  expect([registry.statement('') !== undefined, registry.statementsCount]).toEqual([true, 1])
  registry.removeStatement('')
  registry.addPortal(portal('c', true))
  registry.removeAllPortals()
  expect(registry.heldBytes).toBe(before)
})

test('a cursor counts with the statement that it was declared by', () => {
  const { registry } = names()
  const declared = { ...portal('c', false), statement: statement('', 'x'.repeat(10_000)) }
  registry.addPortal(declared)
  expect(registry.heldBytes).toBeGreaterThan(20_000)
})
