import type { Clock } from '@querywarden/policy-core'
import { MerkleLog } from '../anchoring/merkle-log.ts'
import type { RecordingError } from '../errors.ts'
import { type CborMap, decodeCborMap, Fields } from '../format/canonical-cbor.ts'
import { leafHash } from '../format/chain.ts'
import { encodeFileHeader, type LogHeader, logHeaderFields } from '../format/file-header.ts'
import { KEY_BYTES, type KeyEncryption, keyContext, metaKeys, type RandomBytes } from '../format/keys.ts'
import { FRAME_TYPES, LOG_MAGIC } from '../format/layout.ts'
import type { Sleep } from './commit-queue.ts'
import { DiskWatch } from './disk-watch.ts'
import { clearFramer, type Head, Journal } from './journal.ts'
import type { Storage } from './storage.ts'

/** The name of the log in a boot's folder. */
export const LOG_NAME = 'instance.log'

/** How an older boot's log was found at this boot. */
export interface PreviousLog extends Head {
  readonly boot: string
}

/** One line of an instance log: what was done to recordings, and how far each had got. */
export type LogEntry =
  | { readonly kind: 'boot'; readonly previous: readonly PreviousLog[] }
  | {
      readonly kind: 'opened' | 'head' | 'closed' | 'recovered' | 'suspect'
      readonly recording: string
      readonly head: Head
    }
  /** A tail is about to be written; what was in it is in frames, and it is about to be removed. */
  | { readonly kind: 'tailMade' | 'tailGone'; readonly tail: number }
  /** Checkpoints over this log are signed from here on, with the key that this C2SP verifier key belongs to. */
  | { readonly kind: 'signer'; readonly origin: string; readonly verifierKey: string }
  /** What the writer goes by changed, such as `policy`; the digest tells one state of it from another. */
  | { readonly kind: 'setting'; readonly name: string; readonly digest: string }
  /** Somebody looked into recordings, or took something out of them. */
  | {
      readonly kind: 'access'
      readonly who: string
      readonly action: 'replay' | 'search' | 'export' | 'diff'
      /** Null where it was about all of them. */
      readonly recording: string | null
      /** What was asked for, such as the options given. */
      readonly detail: string
    }
  /** The VALUE key of a recording was destroyed. */
  | { readonly kind: 'shredded'; readonly recording: string; readonly who: string; readonly why: string }
  /** A recording is stored elsewhere as well: where, and the SHA-256 of the whole file. */
  | {
      readonly kind: 'stored'
      readonly recording: string
      readonly head: Head
      readonly place: string
      readonly digest: Uint8Array
    }
  /** A recording's file was removed here, by a rule: it is no loss. */
  | { readonly kind: 'retired'; readonly recording: string; readonly head: Head; readonly why: string }
  | { readonly kind: 'stop' }

const typeOf = (entry: LogEntry): number => FRAME_TYPES[entry.kind]

const headFields = ({ frames, chain }: Head): CborMap => ({ frames, chain })

function entryFields(entry: LogEntry): CborMap {
  switch (entry.kind) {
    case 'boot':
      return { previous: entry.previous.map(log => ({ boot_id: log.boot, ...headFields(log) })) }
    case 'stop':
      return {}
    case 'tailMade':
    case 'tailGone':
      return { tail: entry.tail }
    case 'opened':
    case 'head':
    case 'closed':
    case 'recovered':
    case 'suspect':
      return { rec_id: entry.recording, ...headFields(entry.head) }
    case 'signer':
      return { origin: entry.origin, vkey: entry.verifierKey }
    case 'setting':
      return { name: entry.name, digest: entry.digest }
    case 'access':
      return { who: entry.who, action: entry.action, rec_id: entry.recording, detail: entry.detail }
    case 'shredded':
      return { rec_id: entry.recording, who: entry.who, why: entry.why }
    case 'stored':
      return { rec_id: entry.recording, ...headFields(entry.head), place: entry.place, sha256: entry.digest }
    case 'retired':
      return { rec_id: entry.recording, ...headFields(entry.head), why: entry.why }
  }
}

const headOf = (fields: Fields): Head => ({ frames: fields.number('frames'), chain: fields.bytes('chain') })

const RECORDING_ENTRIES = ['opened', 'head', 'closed', 'recovered', 'suspect'] as const
const ACCESSES = ['replay', 'search', 'export', 'diff'] as const

/** Reads an entry with the chain value it says came before it. Null for a type that this version doesn't know. */
export function decodeLogEntry(
  type: number,
  body: Uint8Array,
): { readonly prev: Uint8Array; readonly entry: LogEntry | null } {
  const fields = decodeCborMap(body, 'a log entry')
  return { prev: fields.bytes('prev'), entry: entryOf(type, fields) }
}

function entryOf(type: number, fields: Fields): LogEntry | null {
  switch (type) {
    case FRAME_TYPES.stop:
      return { kind: 'stop' }
    case FRAME_TYPES.tailMade:
      return { kind: 'tailMade', tail: fields.number('tail') }
    case FRAME_TYPES.tailGone:
      return { kind: 'tailGone', tail: fields.number('tail') }
    case FRAME_TYPES.boot:
      return { kind: 'boot', previous: fields.list('previous', previousLog) }
    case FRAME_TYPES.signer:
      return { kind: 'signer', origin: fields.string('origin'), verifierKey: fields.string('vkey') }
    case FRAME_TYPES.setting:
      return { kind: 'setting', name: fields.string('name'), digest: fields.string('digest') }
    case FRAME_TYPES.access:
      return {
        kind: 'access',
        who: fields.string('who'),
        action: fields.oneOf('action', ACCESSES),
        recording: fields.maybe('rec_id', key => fields.string(key)),
        detail: fields.string('detail'),
      }
    case FRAME_TYPES.shredded:
      return {
        kind: 'shredded',
        recording: fields.string('rec_id'),
        who: fields.string('who'),
        why: fields.string('why'),
      }
    default:
      return recordingEntry(type, fields)
  }
}

function recordingEntry(type: number, fields: Fields): LogEntry | null {
  const kind = RECORDING_ENTRIES.find(name => FRAME_TYPES[name] === type)
  if (kind === undefined && type !== FRAME_TYPES.stored && type !== FRAME_TYPES.retired) return null
  const about = { recording: fields.string('rec_id'), head: headOf(fields) }
  if (kind !== undefined) return { kind, ...about }
  return type === FRAME_TYPES.stored
    ? { kind: 'stored', ...about, place: fields.string('place'), digest: fields.bytes('sha256') }
    : { kind: 'retired', ...about, why: fields.string('why') }
}

function previousLog(item: unknown, what: string): PreviousLog {
  const log = new Fields(item, what)
  return { boot: log.string('boot_id'), ...headOf(log) }
}

export interface InstanceLogOptions {
  readonly storage: Storage
  readonly keys: KeyEncryption
  readonly clock: Clock
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
  readonly instance: string
  readonly boot: string
  readonly previous: readonly PreviousLog[]
  /** Rejects early where the log is held up and what was written gets there later. Absent: it is waited for. */
  readonly orHeldUp?: (written: Promise<void>) => Promise<void>
  /** Where a recorder keeps an eye on the disk that it shares with this log. Absent: the log's own. */
  readonly watch?: DiskWatch
  /** Where checkpoints over this log are signed: its second entry says so, and its tree is kept. */
  readonly signer?: { readonly origin: string; readonly verifierKey: string }
}

/** One boot's log while it is written. Each entry carries the chain's value before it, so that a log checks itself. */
export interface InstanceLog {
  /** Resolves when the entry is durable. */
  readonly append: (entry: LogEntry) => Promise<void>
  /** The same, with the next commit. */
  readonly appendLazily: (entry: LogEntry) => Promise<void>
  /** Once it has failed, nothing of this boot can be accounted for any more. */
  readonly failure: () => RecordingError | null
  /** The RFC 6962 tree over the frames that are durable; null without a signer. */
  readonly tree: () => MerkleLog | null
  readonly close: () => Promise<void>
}

/** Starts a boot's log; durable, with its first entry, when this resolves. */
export async function openInstanceLog(options: InstanceLogOptions): Promise<InstanceLog> {
  const { storage, clock, boot, instance, sleep, orHeldUp = written => written } = options
  const dek = options.randomBytes(KEY_BYTES)
  const header: LogHeader = {
    boot,
    instance,
    createdAt: clock.now(),
    keyId: options.keys.id,
    wrappedKey: await options.keys.wrap(dek, keyContext(boot, 'log')),
  }
  const frame = clearFramer(clock, metaKeys(dek))
  const leaves = options.signer === undefined ? null : new DurableLeaves()
  const make = (entry: LogEntry) => (position: { readonly seq: number; readonly chain: Uint8Array }) => {
    const end = entry.kind === 'stop' ? 'final' : 'more'
    const bytes = frame(typeOf(entry), { prev: position.chain, ...entryFields(entry) }, end)(position)
    leaves?.push(bytes)
    return bytes
  }
  const journal = await Journal.create(storage, LOG_NAME, {
    header: encodeFileHeader(LOG_MAGIC, logHeaderFields(header)),
    first: make({ kind: 'boot', previous: options.previous }),
    sleep,
    watch: options.watch ?? new DiskWatch(clock.monotonic),
  })
  if (options.signer !== undefined) {
    await journal.append(make({ kind: 'signer', ...options.signer })(journal.position))
  }
  return {
    tree: () => leaves?.treeOf(journal.durable.frames) ?? null,
    append: entry => orHeldUp(journal.append(make(entry)(journal.position))),
    appendLazily: entry => journal.appendLazily(make(entry)(journal.position)),
    failure: () => journal.failure,
    close: async () => {
      if (journal.failure === null) await journal.appendFinal(make({ kind: 'stop' }))
      await journal.close()
    },
  }
}

/** The frames of a log on their way to the disk, and the tree of those that got there. */
class DurableLeaves {
  readonly #tree = new MerkleLog()
  readonly #waiting: Uint8Array[] = []

  push(frame: Uint8Array): void {
    this.#waiting.push(leafHash(frame))
  }

  treeOf(durableFrames: number): MerkleLog {
    for (const leaf of this.#waiting.splice(0, durableFrames - this.#tree.size)) this.#tree.append(leaf)
    return this.#tree
  }
}
