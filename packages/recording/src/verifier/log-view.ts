import { isSameDigest } from '../format/chain.ts'
import type { LogEntry, PreviousLog } from '../writer/instance-log.ts'
import type { Head } from '../writer/journal.ts'
import { LOG_TORN_BYTES_MAX, type LogContents, type LoggedEntry, type LogState } from './read-log.ts'

export { type LogContents, type LoggedEntry, type LogState, readInstanceLog } from './read-log.ts'

/** What the logs know of one recording. */
export interface RecordingLog {
  /** By frame count: the chain's value there. */
  readonly heads: ReadonlyMap<number, Uint8Array>
  /** Which of them an anchored size of a log covers. Null where no anchors were given: then all count. */
  readonly anchoredHeads: ReadonlySet<number> | null
  /** The longest of them. */
  readonly last: Head
  /** When the longest of those that count was written down; null where none does. */
  readonly lastAt: number | null
  readonly ended: {
    readonly kind: 'closed' | 'recovered'
    readonly frames: number
    /** The entry is in an anchored size. True where no anchors were given. */
    readonly isAnchored: boolean
  } | null
  readonly suspect: boolean
  /** Two entries contradict each other, or a log they are in is damaged. */
  readonly unsound: boolean
  /** Its file was removed by a rule, says a log that is sound there, and anchored where anchors were given. */
  readonly retired: { readonly at: number; readonly why: string } | null
}

/** A log among the logs of a directory. */
export interface LogStanding {
  readonly boot: string
  readonly state: LogState
  /** How many frames of it are sound. */
  readonly frames: number
  /**
   * How many of them are anchored: the largest anchored size whose root is theirs, or as many as an anchored BOOT entry of a
   * later log has of it. Null where no anchors were given.
   */
  readonly anchoredFrames: number | null
  /** It is shorter than a signed checkpoint says, or not what that was signed over. */
  readonly isRolledBack: boolean
}

/** What all logs of a directory know. */
export interface LogView {
  readonly recordings: ReadonlyMap<string, RecordingLog>
  readonly logs: readonly LogStanding[]
}

/** Roots that signed checkpoints vouch for, by boot. */
export interface SignedRoots {
  /** Kept outside. Null: no anchors were given. By boot, then by size. */
  readonly anchored: ReadonlyMap<string, ReadonlyMap<number, Uint8Array>> | null
  /** Kept beside the log: they can speak against it, not for it. */
  readonly local: ReadonlyMap<string, { readonly size: number; readonly root: Uint8Array }>
  /** Boots of which an anchor keeps something else than these: two logs of one name, or none that can be believed. */
  readonly contradicted: ReadonlySet<string>
}

const NOTHING_SIGNED: SignedRoots = { anchored: null, local: new Map(), contradicted: new Set() }

interface Draft {
  heads: Map<number, Uint8Array>
  anchoredHeads: Set<number> | null
  last: Head
  lastAt: number | null
  lastCounting: number
  ended: { kind: 'closed' | 'recovered'; frames: number; isAnchored: boolean } | null
  suspect: boolean
  unsound: boolean
  retired: { at: number; why: string; head: Head } | null
}

/**
 * Joins the logs of all boots, each under the name of its folder, and compares each with what later boots saw of it, and
 * with what is signed.
 */
export function joinLogs(logs: ReadonlyMap<string, LogContents>, signed: SignedRoots = NOTHING_SIGNED): LogView {
  const standings = new Map([...logs].map(([boot, log]) => [boot, standingOf(boot, log, signed)]))
  for (const boot of [...(signed.anchored?.keys() ?? []), ...signed.contradicted]) {
    if (!standings.has(boot)) standings.set(boot, gone(boot, 'it is gone; an anchor has checkpoints of it'))
  }
  vouchForPrevious(logs, standings)
  for (const { entries } of logs.values()) {
    for (const { entry } of entries) {
      if (entry.kind !== 'boot') continue
      for (const seen of entry.previous) comparePrevious(seen, { logs, standings, signed })
    }
  }
  const drafts = new Map<string, Draft>()
  for (const [boot, { entries }] of logs) {
    const standing = standings.get(boot)
    if (standing === undefined) continue
    for (const logged of entries) if (logged.frames <= standing.frames) addEntry(drafts, logged, standing)
  }
  const recordings = new Map([...drafts].map(([recording, draft]) => [recording, settled(draft)]))
  return { recordings, logs: [...standings.values()] }
}

interface MutableStanding {
  readonly boot: string
  state: LogState
  frames: number
  anchoredFrames: number | null
  readonly isRolledBack: boolean
}

const gone = (boot: string, why: string): MutableStanding => ({
  boot,
  state: { kind: 'damaged', seq: 0, why },
  frames: 0,
  anchoredFrames: null,
  isRolledBack: true,
})

function standingOf(boot: string, log: LogContents, signed: SignedRoots): MutableStanding {
  const frames = log.head?.frames ?? 0
  const isOther = log.header !== null && log.header.boot !== boot
  const own: LogState = isOther
    ? { kind: 'damaged', seq: 0, why: `it is the log of boot ${log.header?.boot ?? 'unknown'}` }
    : log.state
  const anchored = signed.anchored?.get(boot)
  const sizes = [...(anchored ?? [])].sort(([a], [b]) => a - b)
  const local = signed.local.get(boot)
  const isRoot = ([size, root]: readonly [number, Uint8Array]): boolean => {
    const found = log.roots.get(size)
    return found !== undefined && isSameDigest(found, root)
  }
  const anchoredFrames = signed.anchored === null ? null : isOther ? 0 : (sizes.findLast(isRoot)?.[0] ?? 0)
  const wrong = [...sizes, ...(local === undefined ? [] : [[local.size, local.root] as const])].find(
    one => one[0] > 0 && !isRoot(one),
  )
  if (wrong === undefined && !signed.contradicted.has(boot)) {
    return { boot, state: own, frames, anchoredFrames, isRolledBack: false }
  }
  const why =
    wrong === undefined
      ? 'an anchor has checkpoints of another log of this name'
      : wrong[0] > frames
        ? `a checkpoint was signed over ${wrong[0]} entries and there are ${frames}: it was cut, or put back from an older state`
        : `it is not what a checkpoint was signed over at ${wrong[0]} entries`
  const state: LogState = own.kind === 'damaged' ? own : { kind: 'damaged', seq: anchoredFrames ?? 0, why }
  return { boot, state, frames, anchoredFrames, isRolledBack: true }
}

/**
 * What the BOOT entry of an anchored log has of a dead one is anchored with it, so that what a crash kept from the anchors
 * is vouched for after all. Under the same key alone: only then had the later boot authenticated what it found.
 */
function vouchForPrevious(logs: ReadonlyMap<string, LogContents>, standings: Map<string, MutableStanding>): void {
  const vouching = [...standings.values()]
  for (const by of vouching) {
    const log = logs.get(by.boot)
    if (log === undefined || by.isRolledBack || by.anchoredFrames === null) continue
    for (const { entry, frames } of log.entries) {
      if (frames > by.anchoredFrames) break
      if (entry.kind !== 'boot') continue
      for (const seen of entry.previous) {
        const [standing, previous] = [standings.get(seen.boot), logs.get(seen.boot)]
        if (standing === undefined || previous === undefined || standing.isRolledBack) continue
        const chain = previous.chainAt(seen.frames)
        const isKnown = previous.header?.boot === seen.boot && previous.header.keyId === log.header?.keyId
        if (!isKnown || chain === undefined || !isSameDigest(chain, seen.chain)) continue
        if (seen.frames <= (standing.anchoredFrames ?? 0)) continue
        standing.anchoredFrames = seen.frames
        vouching.push(standing)
      }
    }
  }
}

function comparePrevious(
  seen: PreviousLog,
  {
    logs,
    standings,
    signed,
  }: {
    readonly logs: ReadonlyMap<string, LogContents>
    readonly standings: Map<string, MutableStanding>
    readonly signed: SignedRoots
  },
): void {
  const log = logs.get(seen.boot)
  const standing = standings.get(seen.boot)
  if (log === undefined || standing === undefined) {
    if (standing === undefined) {
      standings.set(seen.boot, { ...gone(seen.boot, 'it is gone; a later boot saw it'), isRolledBack: false })
    }
    return
  }
  const chain = log.chainAt(seen.frames)
  if (chain !== undefined && isSameDigest(chain, seen.chain)) {
    // Nobody ties in less than what was signed: whoever says so hides what follows.
    const signedFrames = Math.max(standing.anchoredFrames ?? 0, signed.local.get(seen.boot)?.size ?? 0)
    if (seen.frames >= signedFrames && log.header?.boot === seen.boot) endAt(seen.frames, standing, log)
    return
  }
  if (standing.state.kind !== 'damaged') {
    standing.state = { kind: 'damaged', seq: 0, why: 'it is not what a later boot saw' }
  }
}

/**
 * A later boot had the key, and found the log of a dead one genuine up to there. What follows was never acknowledged: a
 * crash tore it, though some of it may look like entries.
 */
function endAt(frames: number, standing: MutableStanding, log: LogContents): void {
  const bytes = log.bytesAfter(frames)
  if (bytes === 0 || bytes > LOG_TORN_BYTES_MAX || standing.isRolledBack) return
  standing.state = { kind: 'torn', bytes }
  standing.frames = frames
}

function addEntry(drafts: Map<string, Draft>, { entry, at, frames }: LoggedEntry, standing: MutableStanding): void {
  if (!('head' in entry) || entry.kind === 'stored') return
  const isAnchored = standing.anchoredFrames === null || frames <= standing.anchoredFrames
  // What an anchor vouches for stands, whatever became of the rest of its log.
  const isDoubtful = standing.state.kind === 'damaged' && !(isAnchored && standing.anchoredFrames !== null)
  const draft = drafts.get(entry.recording) ?? {
    heads: new Map(),
    anchoredHeads: standing.anchoredFrames === null ? null : new Set(),
    last: entry.head,
    lastAt: null,
    lastCounting: 0,
    ended: null,
    suspect: false,
    unsound: false,
    retired: null,
  }
  drafts.set(entry.recording, draft)
  if (entry.kind === 'retired') {
    if (isAnchored && !isDoubtful) draft.retired = { at, why: entry.why, head: entry.head }
    return
  }
  addHead(draft, entry, { at, isAnchored, isDoubtful })
}

function addHead(
  draft: Draft,
  { kind, head }: Exclude<Extract<LogEntry, { readonly head: Head }>, { kind: 'stored' | 'retired' }>,
  { at, isAnchored, isDoubtful }: { readonly at: number; readonly isAnchored: boolean; readonly isDoubtful: boolean },
): void {
  const known = draft.heads.get(head.frames)
  const isSame = known === undefined || isSameDigest(known, head.chain)
  if (isDoubtful || !isSame) draft.unsound = true
  // An anchored head is not replaced by one that isn't.
  if (isSame || isAnchored) draft.heads.set(head.frames, head.chain)
  if (isAnchored) draft.anchoredHeads?.add(head.frames)
  if (head.frames >= draft.last.frames) draft.last = head
  if (isAnchored && head.frames >= draft.lastCounting) {
    draft.lastCounting = head.frames
    draft.lastAt = at
  }
  if (kind === 'suspect') draft.suspect = true
  if ((kind === 'closed' || kind === 'recovered') && !(draft.ended?.isAnchored === true && !isAnchored)) {
    draft.ended = { kind, frames: head.frames, isAnchored }
  }
}

/** A removal counts where it was of all that the logs know of the recording. */
function settled(draft: Draft): RecordingLog {
  const { retired } = draft
  const { frames, chain } = draft.last
  const isWhole = retired !== null && retired.head.frames === frames && isSameDigest(retired.head.chain, chain)
  return { ...draft, retired: isWhole ? { at: retired.at, why: retired.why } : null }
}
