import { describe, expect, test } from 'vitest'
import type { CaseRun, CaseVerdict } from './run-leak-corpus.ts'
import { beyond, byCategory, scoreOf, tableOf } from './score.ts'

const run = (id: string, verdict: CaseVerdict, category = 'cast'): CaseRun => {
  return { id, category, leaks: 'raw', protocol: 'simple', verdict, said: '', ms: 1 }
}

describe('a score', () => {
  test('counts a case once, by its worst run', () => {
    const runs = [run('a', 'hidden'), run('a', 'leaked'), run('b', 'denied'), run('b', 'hidden')]
    expect(byCategory(runs).get('cast')).toEqual({ cases: 2, leaked: 1, hidden: 0, denied: 1, caught: 0, error: 0 })
  })

  test('takes an attack that could not be judged for a leak, and leaves out what depends on the machine', () => {
    const runs = [run('a', 'error'), run('b', 'denied'), run('c', 'leaked', 'timing')]
    const { leaking, attacks } = scoreOf(runs, [])
    expect(leaking).toEqual({ cast: ['a'] })
    expect(attacks).toEqual({ leaked: 0, hidden: 0, denied: 1, caught: 0, error: 1 })
  })

  test('names what one has and the other has not', () => {
    const before = { leaking: { cast: ['a', 'b'] }, benignWrong: {} }
    const after = { leaking: { cast: ['b', 'c'] }, benignWrong: { psql: ['d'] } }
    expect(beyond(after, before)).toEqual(['c', 'd'])
    expect(beyond(before, after)).toEqual(['a'])
  })

  test('is printed with its totals', () => {
    expect(tableOf([run('a', 'leaked'), run('b', 'denied', 'alias')])).toMatchInlineSnapshot(`
      "category                 cases  leaked  hidden  denied  caught   error
      alias                        1       0       0       1       0       0
      cast                         1       1       0       0       0       0
      all                          2       1       0       1       0       0"
    `)
  })
})
