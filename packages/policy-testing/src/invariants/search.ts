import { explain } from '@querywarden/policy-core'
import fc from 'fast-check'
import type { WrittenStatement } from '../arbitraries/statements/written-statement.ts'
import { aimedStatements } from './aimed-statements.ts'
import { type Engine, type Judge, type Judged, judgeOf } from './engine.ts'
import type { Counterexample, Finding, SearchRuns } from './invariant.ts'
import { plainest } from './plainest.ts'
import type { Selection } from './selection.ts'
import { type Asker, type Situation, situations } from './situations.ts'
import { tellSituation } from './tell.ts'
import { vocabularyOf } from './vocabulary.ts'

/** How often a search tries where it isn't told. */
export const NUM_RUNS = 1_000

/** What a search looks for. */
export interface Quest {
  readonly engine: Engine
  readonly asker: Asker
  readonly selection: Selection
  /** More to draw names from than the engine's own policy. */
  readonly judges?: readonly Judge[]
  /** Whether a statement is what the invariant is about. */
  readonly concerns: (judged: Judged, statement: string) => boolean
  /** What is wrong about what became of it, or null. */
  readonly wrong: (judged: Judged, situation: Situation, statement: string) => Promise<string | null> | string | null
}

/** Tries statements in situations until one is wrong, and brings it down to a small one. */
export async function seek(quest: Quest, { numRuns = NUM_RUNS, seed }: SearchRuns): Promise<Finding> {
  const judge = judgeOf(quest.engine)
  const vocabulary = vocabularyOf([judge, ...(quest.judges ?? [])].map(({ policy }) => policy.policy))
  const cases = fc.record({
    statement: aimedStatements(quest.engine.catalog, quest.selection, vocabulary),
    situation: situations(vocabulary, quest.asker),
  })
  let concerned = 0
  const trial = async (text: string, situation: Situation): Promise<Wrong | null> => {
    const facts = await judge.classify(text)
    const judged = { facts, decision: judge.decide(facts, situation) }
    if (!quest.concerns(judged, text)) return null
    concerned += 1
    const wrong = await quest.wrong(judged, situation, text)
    return wrong === null ? null : { wrong, counterexample: { statement: text, situation, ...judged } }
  }
  const details = await fc.check(
    fc.asyncProperty(cases, async ({ statement, situation }) => (await trial(statement.text, situation)) === null),
    { numRuns, ...(seed === undefined ? {} : { seed }) },
  )
  if (details.failed && details.counterexample !== null) {
    const [{ statement, situation }] = details.counterexample
    const found = await plainestWrong(trial, statement, situation)
    if (found !== null) return broken(found, details.seed, details.numRuns)
    throw new Error(`what broke the invariant once does so no more: ${statement.text}`)
  }
  if (concerned > 0) return { kind: 'holds', tried: details.numRuns }
  return {
    kind: 'untested',
    report: `  none of ${details.numRuns} statements was what this is about: look for a misspelt name, or raise numRuns`,
  }
}

interface Wrong {
  readonly wrong: string
  readonly counterexample: Counterexample
}

/** The shortest of a statement and the plainest ones like it that is wrong too. */
async function plainestWrong(
  trial: (text: string, situation: Situation) => Promise<Wrong | null>,
  statement: WrittenStatement,
  situation: Situation,
): Promise<Wrong | null> {
  const texts = [...plainest(statement).filter(({ length }) => length < statement.text.length), statement.text]
  for (const text of [...texts].sort((a, b) => a.length - b.length)) {
    const found = await trial(text, situation)
    if (found !== null) return found
  }
  return null
}

function broken({ wrong, counterexample }: Wrong, seed: number, tries: number): Finding {
  const { statement, situation, facts, decision } = counterexample
  const report = [
    `  statement  ${statement}`,
    ...tellSituation(situation),
    `  wrong      ${wrong}`,
    `  answer     ${explain(decision, facts).replaceAll('\n', '\n             ')}`,
    `  repeat     { seed: ${seed} }, found at try ${tries}`,
  ].join('\n')
  return { kind: 'broken', report, counterexample }
}
