import { type Attack, checkpointAttacks, cuts, cutsOfBoth, flips, removals, reorders, rewrites } from './attacks.ts'
import type { Opinion } from './opinions.ts'
import { Disagreement, type Opinions, type Subject } from './subject.ts'

/** What came of attacks, by kind. */
export interface Tally {
  readonly tried: Map<string, number>
  /** What was missed, or what the two verifiers don't agree on. */
  readonly broken: { readonly law: string; readonly attack: string }[]
}

export const newTally = (): Tally => ({ tried: new Map(), broken: [] })

/** All attacks on a directory, in order. */
export function* allAttacks(subject: Subject): Generator<Attack> {
  const { files } = subject
  yield* removals(files)
  yield* reorders(files)
  yield* cutsOfBoth(files)
  yield* rewrites(files)
  yield* checkpointAttacks(files)
  yield* cuts(files)
  yield* flips(files)
}

/**
 * Tries one attack on a directory of which an anchor keeps all. What holds: with anchor and key every change of recordings
 * or logs shows, and shows in what it hit; without them a recording that was changed is not COMPLETE unless its logs were
 * rewritten with it; and the two verifiers agree.
 */
export async function tryAttack(subject: Subject, sound: Opinions, attack: Attack, tally: Tally): Promise<void> {
  const change = [...attack.change].filter(([name, bytes]) => !same(bytes, subject.files.get(name) ?? null))
  if (change.length === 0) return
  tally.tried.set(attack.kind, (tally.tried.get(attack.kind) ?? 0) + 1)
  const broken = (law: string): unknown => tally.broken.push({ law, attack: `${attack.kind}: ${attack.what}` })
  try {
    const found = await subject.opinions(attack.change)
    const isOfCheckpoint = change.every(([name]) => name.includes('/checkpoint'))
    if (isOfCheckpoint) {
      if (!sameList(found.anchored.recordings, sound.anchored.recordings))
        broken('a checkpoint beside a log spoke for or against a recording')
      return
    }
    if (!isSeen(found.anchored, sound.anchored)) broken('not seen, with anchor and key')
    for (const [name] of change) {
      if (!name.endsWith('.dbrec')) continue
      const id = name.slice(name.indexOf('/') + 1, -'.dbrec'.length)
      const said = found.anchored.recordings.filter(line => line.startsWith(id))
      if (said.some(line => sound.anchored.recordings.includes(line)))
        broken(`${id} was changed, and is as good as before`)
    }
    const isLogToo = change.some(([name]) => name.endsWith('instance.log'))
    if (!isLogToo && !isSeen(found.alone, sound.alone))
      broken('a recording alone was changed, and its log did not tell')
  } catch (error) {
    if (!(error instanceof Disagreement)) throw error
    broken(`the verifiers disagree:\n${error.message}`)
  }
}

const same = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b))
const sameList = (a: readonly string[], b: readonly string[]): boolean => a.join('\n') === b.join('\n')
const isSeen = (found: Opinion, sound: Opinion): boolean =>
  !sameList(found.recordings, sound.recordings) || !sameList(found.logs, sound.logs)
