import type { Stretch } from './rules.ts'

/** A stretch that one detector finds, or several that reach into each other. */
export interface Find extends Stretch {
  readonly detectors: readonly string[]
}

/** Finds in order and apart: those that overlap become one, so that none shows what another hides. */
export function joinedFinds(spans: readonly (Stretch & { readonly detector: string })[]): readonly Find[] {
  const finds: Find[] = []
  for (const { start, end, detector } of [...spans].sort((a, b) => a.start - b.start)) {
    const last = finds.at(-1)
    if (last === undefined || start >= last.end) finds.push({ start, end, detectors: [detector] })
    else
      finds[finds.length - 1] = {
        start: last.start,
        end: Math.max(last.end, end),
        detectors: last.detectors.includes(detector) ? last.detectors : [...last.detectors, detector],
      }
  }
  return finds
}
