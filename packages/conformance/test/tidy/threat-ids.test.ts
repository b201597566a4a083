import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url))

/** The threats to knowing what a statement does, and the statements of their regression corpus. */
const IDS = [
  ...Array.from({ length: 10 }, (_, at) => `T${at + 1}`),
  ...Array.from({ length: 4 }, (_, at) => `N${at + 1}`),
  'P11',
  'P12',
  ...[1, 2, 3, 4, 5, 6, 7, 11, 12, 17, 18].map(at => `threats 8.${at}`),
] as const

const TEST_NAME = /\b(?:test|describe)(?:\.each\([\s\S]*?\))?\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g

/** The names of all tests in a text of a test file. */
const namesIn = (text: string): readonly string[] => [...text.matchAll(TEST_NAME)].map(([, , name = '']) => name)

const cites = (name: string, id: string): boolean =>
  new RegExp(`(?<![\\w.])${id.replaceAll('.', '\\.')}(?![\\w.])`).test(name)

test('every threat is cited by the name of a test', () => {
  const files = readdirSync(PACKAGES, { recursive: true, encoding: 'utf8' }).filter(
    file => /\.test\.ts$/.test(file) && !/node_modules|dist|\.types|threat-ids/.test(file),
  )
  const names = files.flatMap(file => namesIn(readFileSync(`${PACKAGES}${file}`, 'utf8')))
  expect(names.length).toBeGreaterThan(500)
  expect(IDS.filter(id => !names.some(name => cites(name, id)))).toEqual([])
})

test('a name is read off all forms of a test, and an id is cited only as a whole', () => {
  const text = "test('T1: a', f)\n describe.each([1, 2])('T2 (b): %i', f)\n test.each(\n [['x', 1]],\n)(`N3: c`, f)"
  expect(namesIn(text)).toEqual(['T1: a', 'T2 (b): %i', 'N3: c'])
  expect(['T1: a', 'T10: a', 'threats 8.1: a', 'threats 8.11: a'].map(name => cites(name, 'T1'))).toEqual([
    true,
    false,
    false,
    false,
  ])
  expect(['threats 8.1: a', 'threats 8.11: a'].map(name => cites(name, 'threats 8.1'))).toEqual([true, false])
})
