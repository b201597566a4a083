import { join } from 'node:path'
import { RecordingError } from '../errors.ts'
import type { RecordingHeader } from '../format/file-header.ts'
import { type KeyEncryption, localKeys, type RandomBytes } from '../format/keys.ts'
import { type FileState, type IndexedRecording, indexedStatements } from '../search/index-file.ts'
import {
  asksForContents,
  type RecordingQuery,
  type SessionFacts,
  sessionMatcher,
  statementMatcher,
} from '../search/query.ts'
import { type FoundStatement, type StatementFacts, statementsOf } from '../search/statement-facts.ts'
import { RECORDING_SUFFIX } from '../writer/recorder.ts'
import { bootFolders, recordingOf } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { nodeFiles } from './node-files.ts'
import { readRecording } from './read-file.ts'
import { dropIndex, fileState, type IndexPlace, loadIndex, saveIndex } from './search-index.ts'

export interface SearchOptions {
  readonly kek: Uint8Array | KeyEncryption
  readonly randomBytes: RandomBytes
  /** Whether `text` is looked for in what the VALUE keys open too. Then each recording is read: the index has nothing of it. */
  readonly values: boolean
  /** At most so many recordings, the newest. */
  readonly limit: number
  readonly files?: FileSystem
}

/** A recording that has what was looked for. */
export interface FoundRecording {
  readonly recording: string
  readonly file: string
  readonly session: SessionFacts
  /** How many of its statements are what was looked for; null where nothing was asked about statements. */
  readonly matches: number | null
  /** The first of them. */
  readonly statements: readonly StatementFacts[]
}

export interface SearchResult {
  /** Oldest first. */
  readonly found: readonly FoundRecording[]
  /** What could not be read, and why: what is in there nobody knows. */
  readonly unread: readonly { readonly recording: string; readonly why: string }[]
  /** How many recordings the index answered for, and how many were read. */
  readonly indexed: number
  readonly read: number
}

/** So many of a recording's statements are told one by one. */
const TOLD_MAX = 20
/** A recording with more statements is read each time: its part of the index would be as large as itself. */
const INDEXED_STATEMENTS_MAX = 20_000

/**
 * Looks for recordings. It goes by an index that it makes as it goes along, encrypted like the recordings; of a recording that
 * isn't in there as it is now, the recording itself is read.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE.
 * @example
 * const query = { ...ANY_RECORDING, relation: 'public.customers', effect: 'write' }
 * const { found } = await searchRecordings('./recordings', query, { kek, randomBytes, values: false, limit: 50 })
 */
export async function searchRecordings(
  dir: string,
  query: RecordingQuery,
  options: SearchOptions,
): Promise<SearchResult> {
  const place = placeOf(dir, options)
  const search = new Search(place, query, options)
  // Ids sort by time: the newest come first, until there are enough.
  for (const boot of (await bootFolders(dir, place.files)).toReversed()) {
    await search.boot(boot)
    if (search.isFull) break
  }
  return search.result()
}

/**
 * Throws the index away and makes it anew.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE.
 * @example
 * const { read } = await rebuildIndex('./recordings', { kek, randomBytes })
 */
export async function rebuildIndex(
  dir: string,
  options: Pick<SearchOptions, 'kek' | 'randomBytes' | 'files'>,
): Promise<SearchResult> {
  const place = placeOf(dir, options)
  await dropIndex(place)
  const search = new Search(place, null, { values: false, limit: Number.POSITIVE_INFINITY })
  for (const boot of await bootFolders(dir, place.files)) await search.boot(boot)
  return search.result()
}

const placeOf = (
  dir: string,
  { kek, randomBytes, files = nodeFiles }: Pick<SearchOptions, 'kek' | 'randomBytes' | 'files'>,
): IndexPlace => ({ dir, files, randomBytes, keys: kek instanceof Uint8Array ? localKeys(kek, randomBytes) : kek })

/** One search, boot by boot. */
class Search {
  readonly #place: IndexPlace
  readonly #matchesSession: (facts: SessionFacts) => boolean
  /** Null where nothing is asked about statements. */
  readonly #matches: ((found: FoundStatement) => boolean) | null
  /** Whether only the recording itself has what is asked for. */
  readonly #needsValues: boolean
  readonly #limit: number
  readonly #found: FoundRecording[] = []
  readonly #unread: { recording: string; why: string }[] = []
  #indexed = 0
  #read = 0

  constructor(
    place: IndexPlace,
    query: RecordingQuery | null,
    { values, limit }: Pick<SearchOptions, 'values' | 'limit'>,
  ) {
    this.#place = place
    this.#limit = limit
    const asks = query !== null && (asksForContents(query) || query.since !== null || query.until !== null)
    this.#matches = query !== null && asks ? statementMatcher(query) : null
    this.#matchesSession = query === null ? () => true : sessionMatcher(query, asks ? 'statements' : 'session')
    this.#needsValues = values && query !== null && query.text !== null
  }

  get isFull(): boolean {
    return this.#found.length >= this.#limit
  }

  result(): SearchResult {
    return { found: this.#found.toReversed(), unread: this.#unread, indexed: this.#indexed, read: this.#read }
  }

  async boot(boot: string): Promise<void> {
    const folder = join(this.#place.dir, boot)
    const names = (await this.#place.files.readFolder(folder)).map(({ name }) => name)
    const recordings = names
      .filter(name => name.endsWith(RECORDING_SUFFIX))
      .sort()
      .toReversed()
    if (recordings.length === 0) return
    const known = await loadIndex(this.#place, boot)
    const states = await statesOf(
      recordings.map(name => join(folder, name)),
      this.#place.files,
    )
    const fresh = new Map<string, IndexedRecording>()
    for (const [at, name] of recordings.entries()) {
      const recording = recordingOf(name)
      const state = states[at] ?? null
      const indexed = known.get(recording)
      const isCurrent = indexed !== undefined && state !== null && isSameState(indexed.state, state)
      if (isCurrent) fresh.set(recording, indexed)
      if (this.isFull) continue
      if (isCurrent && (!this.#needsValues || !this.#matchesSession(indexed.session)))
        this.#lookUp(indexed, join(folder, name))
      else {
        const made = await this.#readOne(recording, join(folder, name), state)
        if (made !== null && !isCurrent) fresh.set(recording, made)
      }
    }
    const isChanged = fresh.size !== known.size || [...fresh].some(([recording, one]) => known.get(recording) !== one)
    if (isChanged) await saveIndex(this.#place, boot, [...fresh.values()])
  }

  #lookUp(indexed: IndexedRecording, file: string): void {
    this.#indexed++
    const { recording, session } = indexed
    if (!this.#matchesSession(session)) return
    const matches = this.#matches
    if (matches === null) {
      this.#found.push({ recording, file, session, matches: null, statements: [] })
      return
    }
    const found = indexedStatements(indexed).filter(facts => matches({ facts, words: [] }))
    if (found.length > 0) {
      this.#found.push({ recording, file, session, matches: found.length, statements: found.slice(0, TOLD_MAX) })
    }
  }

  /** Reads a recording, and gives what the index is to have of it; null where it is to have nothing. */
  async #readOne(recording: string, file: string, state: FileState | null): Promise<IndexedRecording | null> {
    this.#read++
    const { keys, files } = this.#place
    let header: RecordingHeader | null = null
    let matches = 0
    const [told, all]: [StatementFacts[], StatementFacts[]] = [[], []]
    let count = 0
    try {
      const events = readRecording(file, { kek: keys, values: this.#needsValues ? 'read' : 'leave', files })
      const seen = (async function* () {
        for await (const event of events) {
          if (event.kind === 'opened') header = event.header
          yield event
        }
      })()
      for await (const found of statementsOf(seen)) {
        if (count++ < INDEXED_STATEMENTS_MAX) all.push(found.facts)
        if (this.#matches?.(found) !== true) continue
        matches++
        if (told.length < TOLD_MAX) told.push(found.facts)
      }
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      this.#unread.push({ recording, why: error.message })
      return null
    }
    const session = sessionOf(header)
    if (session === null) return null
    if (this.#matchesSession(session) && (this.#matches === null || matches > 0)) {
      this.#found.push({ recording, file, session, matches: this.#matches === null ? null : matches, statements: told })
    }
    return state === null || count > INDEXED_STATEMENTS_MAX
      ? null
      : { recording, state, session, statements: JSON.stringify(all) }
  }
}

const isSameState = (a: FileState, b: FileState): boolean => a.bytes === b.bytes && a.tag === b.tag

const sessionOf = (header: RecordingHeader | null): SessionFacts | null =>
  header === null
    ? null
    : {
        session: header.session,
        requester: header.requester,
        actor: header.actor,
        target: header.target.name,
        openedAt: header.createdAt,
      }

/** Files are looked at so many at a time: each is several turns of the disk. */
const AT_ONCE = 16

async function statesOf(paths: readonly string[], files: FileSystem): Promise<readonly (FileState | null)[]> {
  const states: (FileState | null)[] = []
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    // One that is gone by now is found to be when it is read.
    states.push(
      ...(await Promise.all(paths.slice(at, at + AT_ONCE).map(path => fileState(path, files).catch(() => null)))),
    )
  }
  return states
}
