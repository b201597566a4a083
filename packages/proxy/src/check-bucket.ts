import type { ObjectStore } from '@querywarden/recording'
import type { LockConfig } from './config/s3-document.ts'

/** Locks the object that is written to try: so short that nobody minds. */
const LOCK_MS = 60_000

/**
 * Does with a bucket what uploads do: writes an object, never over another, reads it back, lists it, and looks at its lock.
 * The object stays, as the account that uploads should not be able to remove any.
 *
 * @throws Error with what is missing.
 */
export async function checkBucket(
  store: ObjectStore,
  { lock, now, id }: { readonly lock: LockConfig | null; readonly now: number; readonly id: string },
): Promise<string> {
  const key = `doctor/${id}`
  const bytes = Buffer.from('querywarden doctor was here')
  const wanted = lock === null ? null : { mode: lock.mode, retainUntil: now + LOCK_MS }
  await store.put(key, bytes, wanted)
  if ((await store.put(key, bytes, null)) !== 'exists') {
    throw new Error(`${store.place} writes over objects: it must know \`If-None-Match: *\``)
  }
  const back = await store.get(key, 0, bytes.length)
  if (back === null || !bytes.equals(back)) throw new Error(`${store.place} does not give back what was written`)
  let isListed = false
  for await (const { bytes: size } of store.list(key)) isListed ||= size === bytes.length
  if (!isListed) throw new Error(`${store.place} can't be listed: uploads could not go on after a restart`)
  const upload = await store.begin(`${key}-parts`, wanted)
  await store.abort(`${key}-parts`, upload)
  if (lock === null) return 'writable, and nothing there is written over; without a lock of the gateway'
  const there = await store.head(key)
  if (there?.lock?.mode !== lock.mode || there.lock.retainUntil < now) {
    throw new Error(`${store.place} took an object and did not lock it: enable Object Lock on the bucket`)
  }
  return `writable, nothing there is written over, and locks of ${lock.mode} hold`
}
