import { printable } from '@querywarden/policy-core'
import type { CaseResult } from '../policy-test/run-case.ts'
import { paint } from './paint.ts'
import type { PolicyTestResult } from './policy-test.ts'

/** Test results in lines: each case, for those that failed why, and what no case came across. */
export const toldTests = (results: readonly PolicyTestResult[], minCoverage: number): readonly string[] => {
  const cases = results.flatMap(result => result.cases)
  const failed = cases.filter(({ passed }) => !passed).length
  return [
    ...results.flatMap(result => [
      paint.bold(result.policy),
      ...result.cases.flatMap(toldCase),
      ...toldCoverage(result, minCoverage),
    ]),
    failed === 0
      ? `${paint.green('passed')}: ${counted(cases.length)}`
      : `${paint.red('failed')}: ${failed} of ${counted(cases.length)}`,
  ]
}

const counted = (count: number): string => (count === 1 ? '1 case' : `${count} cases`)

function toldCase({ name, passed, file, line, column, differences, explanation }: CaseResult): readonly string[] {
  if (passed) return [`  ${paint.green('ok')}    ${printable(name)}`]
  return [
    `  ${paint.red('FAIL')}  ${printable(name)}`,
    `        ${file}:${line}:${column}`,
    ...differences.map(difference => `        ${paint.bold(printable(difference))}`),
    ...explanation.split('\n').map(told => `        ${paint.dim('|')} ${told}`.trimEnd()),
  ]
}

function toldCoverage({ coverage }: PolicyTestResult, minCoverage: number): readonly string[] {
  const { rules, masks, untouchedRules, untouchedMasks, percent } = coverage
  const isShort = percent < minCoverage
  const shares = [
    `${rules - untouchedRules.length} of ${rules} rules`,
    ...(masks === 0 ? [] : [`${masks - untouchedMasks.length} of ${masks} masks`]),
  ]
  const line = `  coverage: ${percent} % (${shares.join(', ')})${isShort ? `, expected ${minCoverage} %` : ''}`
  return [
    isShort ? paint.red(line) : line,
    ...untouchedRules.map(id => `    no case comes across rule ${id}`),
    ...untouchedMasks.map(mask => `    no case shows ${mask}`),
  ]
}
