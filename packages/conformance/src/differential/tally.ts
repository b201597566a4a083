import type { Law } from './laws.ts'

/** What became of the statements of a source. */
export interface Tally {
  texts: number
  statements: number
  /** The server ran it, and its facts hold all that it did and nothing unknown. */
  exact: number
  /** The server ran it, and its facts say that it may do anything. */
  stricter: number
  /** Of `stricter`: the server wrote nothing, and its tag is SELECT. */
  strictSelects: number
  /** The classifier refused a text that the server takes. */
  refused: number
  /** The facts leave out something that the server did. */
  unsafe: number
  /** The server gave an error: nothing to compare but the split. */
  failed: number
  untried: number
  /** The classifier threw. */
  crashed: number
  readonly byLaw: Map<Law, number>
}

export const emptyTally = (): Tally => ({
  texts: 0,
  statements: 0,
  exact: 0,
  stricter: 0,
  strictSelects: 0,
  refused: 0,
  unsafe: 0,
  failed: 0,
  untried: 0,
  crashed: 0,
  byLaw: new Map(),
})

const share = (part: number, whole: number): string => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(2)} %`)

/** One line of a tally: shares of what the server ran. */
export function tallyLine(name: string, tally: Tally, seconds: number): string {
  const ran = tally.exact + tally.stricter + tally.unsafe
  const laws = [...tally.byLaw].map(([law, count]) => `${law}: ${count}`).join('; ')
  return (
    `${name}: ${tally.texts} texts, ${tally.statements} statements (${Math.round(tally.statements / Math.max(1, seconds))}/s), ${ran} ran: ` +
    `exact ${share(tally.exact, ran)}, stricter ${share(tally.stricter, ran)} (${tally.strictSelects} plain SELECT), unsafe ${tally.unsafe}; ` +
    `refused by the classifier alone ${tally.refused}, by the server ${tally.failed}, untried ${tally.untried}, crashed ${tally.crashed}` +
    (laws === '' ? '' : `\n  broken: ${laws}`)
  )
}
