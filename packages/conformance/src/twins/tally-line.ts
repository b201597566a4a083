import type { TwinTally } from './explore-twins.ts'

/** One line of what became of the statements. */
export function twinTallyLine(name: string, tally: TwinTally, seconds: number): string {
  const { fates, statements } = tally
  const bare = tally.bare === 0 ? 0 : Math.round((100 * tally.bareDiffering) / tally.bare)
  const left = [...tally.residual].map(([what, count]) => `${count} (${what})`).join(', ')
  return (
    `${name}: ${tally.scripts} scripts, ${statements} statements (${Math.round(statements / Math.max(1, seconds))}/s): ` +
    `${fates.ran} ran, ${fates.failed} failed on the server, ${fates.refused} refused, ${fates.ended} ended the session; ` +
    `differing ${tally.differing}, in order ${tally.reordered}, unsteady ${tally.unsteady}, known to be left ${left === '' ? 0 : left}; ` +
    `past the gateway ${tally.bareDiffering} of ${tally.bare} differ (${bare} %)`
  )
}
