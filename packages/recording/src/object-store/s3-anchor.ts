import type { Anchor, AnchorSource } from '../anchoring/anchor.ts'
import { RecordingError } from '../errors.ts'
import type { ObjectLock, ObjectStore } from './object-store.ts'

/** How long what is kept can't be taken away, from when it was put there. */
export interface Retention {
  readonly mode: ObjectLock['mode']
  readonly ms: number
}

export const lockUntil = (retention: Retention | null, now: number): ObjectLock | null =>
  retention === null ? null : { mode: retention.mode, retainUntil: now + retention.ms }

/** A note is a few lines; what is longer is none. */
const NOTE_BYTES_MAX = 65_536
const SIZE_DIGITS = 20
const CHECKPOINT_KEY = /^([A-Za-z0-9][A-Za-z0-9-]{0,63})\/(\d{20})\.checkpoint$/

/** Where a checkpoint is kept: `<boot>/<size, 20 digits>.checkpoint`. */
export const checkpointKey = (boot: string, size: number): string =>
  `${boot}/${String(size).padStart(SIZE_DIGITS, '0')}.checkpoint`

/**
 * Keeps checkpoints in an object store, each made once. Another one of the same size is refused: somebody else writes
 * there, or the log was rewritten.
 *
 * @throws RecordingError STORE_CONFLICT, STORE_UNREACHABLE, STORE_REFUSED from `keep`.
 * @example
 * const anchor = objectStoreAnchor(store, { lock: { mode: 'COMPLIANCE', ms: 400 * 86_400_000 }, now: Date.now })
 */
export function objectStoreAnchor(
  store: ObjectStore,
  options: { readonly lock: Retention | null; readonly now: () => number },
): Anchor {
  return {
    name: store.place,
    keep: async ({ boot, size, note }) => {
      const bytes = Buffer.from(note)
      await putOnce(store, checkpointKey(boot, size), bytes, lockUntil(options.lock, options.now()))
    },
  }
}

/**
 * Makes an object, or finds the same bytes there: an answer that was lost is not told from somebody who was quicker.
 *
 * @throws RecordingError STORE_CONFLICT: other bytes are there.
 */
export async function putOnce(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  lock: ObjectLock | null,
): Promise<void> {
  if ((await store.put(key, bytes, lock)) === 'made') return
  const there = await store.head(key)
  const same = there?.bytes === bytes.length && (await store.get(key, 0, bytes.length))
  if (same && Buffer.compare(same, bytes) === 0) return
  throw conflict(store, key)
}

export const conflict = (store: ObjectStore, key: string): RecordingError =>
  new RecordingError(
    'STORE_CONFLICT',
    `${store.place}/${key} holds something else than what is to be kept there: find out who writes to it; nothing is overwritten`,
  )

/**
 * The checkpoints that an object store keeps, to verify by. Whatever else is there is passed over.
 *
 * @example
 * for await (const { boot, note } of objectStoreCheckpoints(store).checkpoints()) console.log(boot, note)
 */
export function objectStoreCheckpoints(store: ObjectStore): AnchorSource {
  return {
    name: store.place,
    checkpoints: async function* () {
      for await (const { key, bytes } of store.list('')) {
        const [, boot] = CHECKPOINT_KEY.exec(key) ?? []
        if (boot === undefined || bytes > NOTE_BYTES_MAX) continue
        const note = await store.get(key, 0, bytes)
        if (note !== null) yield { boot, note: Buffer.from(note).toString() }
      }
    },
  }
}
