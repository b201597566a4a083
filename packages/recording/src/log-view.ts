import { isSameDigest } from './chain.ts'
import { RecordingError } from './errors.ts'
import { decodeLogHeader, type LogHeader } from './file-header.ts'
import { type Bytes, readPieces } from './frame-reader.ts'
import { decodeLogEntry, type LogEntry, type PreviousLog } from './instance-log.ts'
import type { Head } from './journal.ts'
import { LOG_MAGIC } from './layout.ts'

/** What is wrong with a log, or nothing. A torn end is what a crash leaves; damage is not. */
export type LogState =
  | { readonly kind: 'sound' }
  | { readonly kind: 'torn'; readonly bytes: number }
  | { readonly kind: 'damaged'; readonly seq: number; readonly why: string }

/** A log, read back as far as it is sound. */
export interface LogContents {
  readonly header: LogHeader | null
  readonly entries: readonly { readonly entry: LogEntry; readonly at: number }[]
  readonly head: Head | null
  /** The chain's value after each frame, for comparing with what a later boot saw. */
  readonly chains: readonly Uint8Array[]
  readonly state: LogState
}

/** Reads an instance log. Never throws on what the bytes are. */
export async function readInstanceLog(source: Bytes): Promise<LogContents> {
  const entries: { entry: LogEntry; at: number }[] = []
  const chains: Uint8Array[] = []
  let header: LogHeader | null = null
  let damage: LogState | null = null
  let state: LogState = { kind: 'sound' }
  for await (const piece of readPieces(source, LOG_MAGIC)) {
    if (damage !== null) continue
    if (piece.kind === 'end') {
      if (piece.rest > 0 || header === null) state = endState(piece.why ?? 'no header', chains.length, piece.rest)
      continue
    }
    try {
      if (piece.kind === 'header') {
        header = decodeLogHeader(piece.cbor)
        continue
      }
      const { prev, entry } = decodeLogEntry(piece.frame.type, piece.frame.body)
      if (!isSameDigest(prev, piece.before)) throw new RecordingError('MALFORMED', 'the chain is broken before it')
      if (entry !== null) entries.push({ entry, at: Number(piece.frame.wallUs) / 1e3 })
      chains.push(piece.after)
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      damage = { kind: 'damaged', seq: chains.length, why: error.message }
    }
  }
  const last = chains.at(-1)
  const head = last === undefined ? null : { frames: chains.length, chain: last }
  return { header, entries, head, chains, state: damage ?? state }
}

function endState(why: string, frames: number, bytes: number): LogState {
  const isCrash = why === 'an unfinished frame' && frames > 0
  return isCrash ? { kind: 'torn', bytes } : { kind: 'damaged', seq: frames, why }
}

/** What the logs know of one recording. */
export interface RecordingLog {
  /** By frame count: the chain's value there. */
  readonly heads: ReadonlyMap<number, Uint8Array>
  /** The longest of them, and when it was written down. */
  readonly last: Head
  readonly lastAt: number
  readonly ended: { readonly kind: 'closed' | 'recovered'; readonly frames: number } | null
  readonly suspect: boolean
  /** Two entries contradict each other, or a log they are in is damaged. */
  readonly unsound: boolean
}

/** What all logs of a directory know. */
export interface LogView {
  readonly recordings: ReadonlyMap<string, RecordingLog>
  readonly logs: readonly { readonly boot: string; readonly state: LogState }[]
}

interface Draft {
  heads: Map<number, Uint8Array>
  last: Head
  lastAt: number
  ended: { kind: 'closed' | 'recovered'; frames: number } | null
  suspect: boolean
  unsound: boolean
}

/** Joins the logs of all boots, each under the name of its folder, and compares each with what later boots saw of it. */
export function joinLogs(logs: ReadonlyMap<string, LogContents>): LogView {
  const states = new Map([...logs].map(([boot, log]) => [boot, ownState(boot, log)]))
  for (const { entries } of logs.values()) {
    for (const { entry } of entries) {
      if (entry.kind === 'boot') for (const seen of entry.previous) comparePrevious(seen, logs, states)
    }
  }
  const drafts = new Map<string, Draft>()
  for (const [boot, { entries }] of logs) {
    const isDamaged = states.get(boot)?.kind === 'damaged'
    for (const { entry, at } of entries) {
      if ('head' in entry) addEntry(drafts, entry, { at, isDamaged })
    }
  }
  return { recordings: drafts, logs: [...states].map(([boot, state]) => ({ boot, state })) }
}

const ownState = (boot: string, log: LogContents): LogState =>
  log.header !== null && log.header.boot !== boot
    ? { kind: 'damaged', seq: 0, why: `it is the log of boot ${log.header.boot}` }
    : log.state

function comparePrevious(
  seen: PreviousLog,
  logs: ReadonlyMap<string, LogContents>,
  states: Map<string, LogState>,
): void {
  const log = logs.get(seen.boot)
  if (log === undefined) {
    states.set(seen.boot, { kind: 'damaged', seq: 0, why: 'it is gone; a later boot saw it' })
    return
  }
  const chain = log.chains[seen.frames - 1]
  if (states.get(seen.boot)?.kind !== 'damaged' && (chain === undefined || !isSameDigest(chain, seen.chain))) {
    states.set(seen.boot, { kind: 'damaged', seq: 0, why: 'it is not what a later boot saw' })
  }
}

function addEntry(
  drafts: Map<string, Draft>,
  entry: Extract<LogEntry, { readonly head: Head }>,
  context: { readonly at: number; readonly isDamaged: boolean },
): void {
  const draft = drafts.get(entry.recording) ?? {
    heads: new Map(),
    last: entry.head,
    lastAt: context.at,
    ended: null,
    suspect: false,
    unsound: false,
  }
  const known = draft.heads.get(entry.head.frames)
  if (context.isDamaged || (known !== undefined && !isSameDigest(known, entry.head.chain))) draft.unsound = true
  draft.heads.set(entry.head.frames, entry.head.chain)
  if (entry.head.frames >= draft.last.frames) {
    draft.last = entry.head
    draft.lastAt = context.at
  }
  if (entry.kind === 'suspect') draft.suspect = true
  if (entry.kind === 'closed' || entry.kind === 'recovered') {
    draft.ended = { kind: entry.kind, frames: entry.head.frames }
  }
  drafts.set(entry.recording, draft)
}
