import type { DirectoryVerdict, Verdict } from '../../src/index.ts'
import type { FoundDirectory, FoundVerdict } from '../../verifier/verify.mjs'

/** What both verifiers have to agree on, in one form. */
export interface Opinion {
  readonly recordings: readonly string[]
  readonly logs: readonly string[]
  readonly refused: number
}

export const opinionOf = (found: DirectoryVerdict): Opinion => ({
  recordings: found.recordings.map(({ recording, verdict }) => `${recording} ${wordsOf(verdict)}`).sort(),
  logs: found.logs
    .map(log => `${log.boot} ${log.state.kind} ${log.anchoredFrames ?? 0} ${log.isRolledBack ? 'rolled back' : ''}`)
    .sort(),
  refused: (found.refused?.length ?? 0) + found.logs.filter(({ checkpoint }) => checkpoint?.kind === 'refused').length,
})

export const otherOpinionOf = (found: FoundDirectory): Opinion => ({
  recordings: found.recordings.map(({ recording, verdict }) => `${recording} ${otherWordsOf(verdict)}`).sort(),
  logs: found.logs
    .map(log => `${log.boot} ${log.state} ${log.anchored} ${log.isRolledBack ? 'rolled back' : ''}`)
    .sort(),
  refused: found.refused,
})

function wordsOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'COMPLETE':
      return `COMPLETE ${verdict.frames}`
    case 'OPEN':
    case 'TORN':
      return `${verdict.kind} ${verdict.frames} ${verdict.anchoredFrames}`
    case 'UNANCHORED':
      return `UNANCHORED ${verdict.frames} ${verdict.since}`
    case 'TAMPERED':
      return `TAMPERED ${verdict.firstBadSeq}`
    case 'MISSING':
      return `MISSING ${verdict.lastFrames} ${verdict.retired !== null}`
  }
}

const otherWordsOf = ({ kind, ...more }: FoundVerdict): string => [kind, ...Object.values(more)].join(' ')
