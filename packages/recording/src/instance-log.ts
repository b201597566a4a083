import type { Clock } from '@querywarden/policy-core'
import { type CborMap, decodeCborMap, Fields } from './canonical-cbor.ts'
import type { Sleep } from './commit-queue.ts'
import { DiskWatch } from './disk-watch.ts'
import type { RecordingError } from './errors.ts'
import { encodeFileHeader, type LogHeader, logHeaderFields } from './file-header.ts'
import { clearFramer, type Head, Journal } from './journal.ts'
import { KEY_BYTES, type KeyEncryption, keyContext, metaKeys, type RandomBytes } from './keys.ts'
import { FRAME_TYPES, LOG_MAGIC } from './layout.ts'
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
  }
}

const headOf = (fields: Fields): Head => ({ frames: fields.number('frames'), chain: fields.bytes('chain') })

const RECORDING_ENTRIES = ['opened', 'head', 'closed', 'recovered', 'suspect'] as const

/** Reads an entry with the chain value it says came before it. Null for a type that this version doesn't know. */
export function decodeLogEntry(
  type: number,
  body: Uint8Array,
): { readonly prev: Uint8Array; readonly entry: LogEntry | null } {
  const fields = decodeCborMap(body, 'a log entry')
  const prev = fields.bytes('prev')
  if (type === FRAME_TYPES.stop) return { prev, entry: { kind: 'stop' } }
  if (type === FRAME_TYPES.tailMade) return { prev, entry: { kind: 'tailMade', tail: fields.number('tail') } }
  if (type === FRAME_TYPES.tailGone) return { prev, entry: { kind: 'tailGone', tail: fields.number('tail') } }
  if (type === FRAME_TYPES.boot) {
    const previous = fields.list('previous', (item, what) => {
      const log = new Fields(item, what)
      return { boot: log.string('boot_id'), ...headOf(log) }
    })
    return { prev, entry: { kind: 'boot', previous } }
  }
  const kind = RECORDING_ENTRIES.find(name => FRAME_TYPES[name] === type)
  if (kind === undefined) return { prev, entry: null }
  return { prev, entry: { kind, recording: fields.string('rec_id'), head: headOf(fields) } }
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
  /** Where a recorder keeps an eye on the disk that it shares with this log. Absent: the log's own. */
  readonly watch?: DiskWatch
}

/** One boot's log while it is written. Each entry carries the chain's value before it, so that a log checks itself. */
export interface InstanceLog {
  /** Resolves when the entry is durable. */
  readonly append: (entry: LogEntry) => Promise<void>
  /** The same, with the next commit. */
  readonly appendLazily: (entry: LogEntry) => Promise<void>
  /** Once it has failed, nothing of this boot can be accounted for any more. */
  readonly failure: () => RecordingError | null
  readonly close: () => Promise<void>
}

/** Starts a boot's log; durable, with its first entry, when this resolves. */
export async function openInstanceLog(options: InstanceLogOptions): Promise<InstanceLog> {
  const { storage, clock, boot, instance, sleep } = options
  const dek = options.randomBytes(KEY_BYTES)
  const header: LogHeader = {
    boot,
    instance,
    createdAt: clock.now(),
    keyId: options.keys.id,
    wrappedKey: await options.keys.wrap(dek, keyContext(boot, 'log')),
  }
  const frame = clearFramer(clock, metaKeys(dek))
  const make = (entry: LogEntry) => (position: { readonly seq: number; readonly chain: Uint8Array }) =>
    frame(
      typeOf(entry),
      { prev: position.chain, ...entryFields(entry) },
      entry.kind === 'stop' ? 'final' : 'more',
    )(position)
  const journal = await Journal.create(storage, LOG_NAME, {
    header: encodeFileHeader(LOG_MAGIC, logHeaderFields(header)),
    first: make({ kind: 'boot', previous: options.previous }),
    sleep,
    watch: options.watch ?? new DiskWatch(clock.monotonic),
  })
  return {
    append: entry => journal.append(make(entry)(journal.position)),
    appendLazily: entry => journal.appendLazily(make(entry)(journal.position)),
    failure: () => journal.failure,
    close: async () => {
      if (journal.failure === null) await journal.append(make({ kind: 'stop' })(journal.position))
      await journal.close()
    },
  }
}
