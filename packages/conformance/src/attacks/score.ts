import type { BenignRun } from './run-benign-corpus.ts'
import { type CaseRun, type CaseVerdict, VERDICTS } from './run-leak-corpus.ts'

/** How many cases of a category came to what. */
export type CategoryScore = Readonly<Record<CaseVerdict, number>> & { readonly cases: number }

/**
 * What is pinned: what became of the attacks, which of them leak, and which benign statements come out wrong. Neither list
 * may grow.
 */
export interface Score {
  /** How many cases came to what at worst. */
  readonly attacks: Readonly<Record<CaseVerdict, number>>
  /** How many benign statements, in how many protocols each, and how many of those runs came out right. */
  readonly benign: { readonly runs: number; readonly right: number }
  readonly leaking: Readonly<Record<string, readonly string[]>>
  readonly benignWrong: Readonly<Record<string, readonly string[]>>
}

/** A case is as bad as its worst run. */
const WORST_FIRST: readonly CaseVerdict[] = ['leaked', 'error', 'caught', 'denied', 'hidden']

/** The worst verdict of each case, by id. */
export function verdictsOf(runs: readonly CaseRun[]): ReadonlyMap<string, CaseRun> {
  const worst = new Map<string, CaseRun>()
  for (const run of runs) {
    const before = worst.get(run.id)
    if (before === undefined || rank(run) < rank(before)) worst.set(run.id, run)
  }
  return worst
}
const rank = ({ verdict }: CaseRun): number => WORST_FIRST.indexOf(verdict)

/** Counts by category, in the order in which categories come up. */
export function byCategory(runs: readonly CaseRun[]): ReadonlyMap<string, CategoryScore> {
  const scores = new Map<string, CategoryScore>()
  for (const { category, verdict } of verdictsOf(runs).values()) {
    const score = scores.get(category) ?? { cases: 0, leaked: 0, hidden: 0, denied: 0, caught: 0, error: 0 }
    scores.set(category, { ...score, cases: score.cases + 1, [verdict]: score[verdict] + 1 })
  }
  return scores
}

/** The score of a run of both corpora. An attack that couldn't be judged counts as leaking. */
export function scoreOf(leaks: readonly CaseRun[], benign: readonly BenignRun[]): Score {
  // How long an answer takes depends on the machine as well: reported, never pinned.
  const judged = [...verdictsOf(leaks).values()].filter(({ category }) => category !== 'timing')
  const bad = judged.filter(({ verdict }) => verdict === 'leaked' || verdict === 'error')
  return {
    attacks: countsOf(judged),
    benign: { runs: benign.length, right: benign.filter(({ wrong }) => wrong === null).length },
    leaking: grouped(bad),
    benignWrong: grouped(benign.filter(({ wrong }) => wrong !== null)),
  }
}

function countsOf(runs: readonly CaseRun[]): Record<CaseVerdict, number> {
  const counts = { leaked: 0, hidden: 0, denied: 0, caught: 0, error: 0 }
  for (const { verdict } of runs) counts[verdict] += 1
  return counts
}

function grouped(items: readonly { readonly id: string; readonly category: string }[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {}
  for (const category of [...new Set(items.map(item => item.category))].sort()) {
    const ids = items.filter(item => item.category === category).map(({ id }) => id)
    groups[category] = [...new Set(ids)].sort()
  }
  return groups
}

type Lists = Pick<Score, 'leaking' | 'benignWrong'>

/** What a score has that the pinned one hasn't, by list: regressions one way round, improvements the other. */
export function beyond(score: Lists, pinned: Lists): readonly string[] {
  const known = new Set(idsOf(pinned))
  return idsOf(score).filter(id => !known.has(id))
}
const idsOf = ({ leaking, benignWrong }: Lists): readonly string[] =>
  [leaking, benignWrong].flatMap(groups => Object.values(groups).flat())

/** The counts as lines of text. */
export function tableOf(runs: readonly CaseRun[]): string {
  const scores = [...byCategory(runs)].sort(([a], [b]) => a.localeCompare(b))
  const columns = ['cases', ...VERDICTS] as const
  const line = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(22) + cells.map(cell => String(cell).padStart(8)).join('')
  const totals = columns.map(column => scores.reduce((sum, [, score]) => sum + score[column], 0))
  return [
    line('category', columns),
    ...scores.map(([category, score]) =>
      line(
        category,
        columns.map(column => score[column]),
      ),
    ),
    line('all', totals),
  ].join('\n')
}
