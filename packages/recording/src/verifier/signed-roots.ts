import { parseCheckpoint, partsOfOrigin } from '../anchoring/checkpoint.ts'
import type { AnchorsRead } from '../anchoring/read-anchors.ts'
import { parseVerifierKey, type VerifierKey, verifyNote } from '../anchoring/signed-note.ts'
import type { TreeHead } from '../anchoring/verify-proofs.ts'
import { RecordingError } from '../errors.ts'
import { isSameDigest } from '../format/chain.ts'
import type { SignedRoots } from './log-view.ts'

/** Checkpoints that were found, those of anchors verified already. */
export interface FoundCheckpoints {
  /** What anchors keep. Null: none were given. */
  readonly anchors: AnchorsRead | null
  /** By boot, the note that stands beside its log. */
  readonly local: ReadonlyMap<string, string>
  /** The keys come from whoever verifies. Otherwise the logs' own word for their signers was taken. */
  readonly areKeysGiven: boolean
  readonly keys: readonly VerifierKey[]
}

/** A checkpoint that stands beside a log. */
export type LocalCheckpoint =
  | { readonly kind: 'signed'; readonly head: TreeHead }
  | { readonly kind: 'refused'; readonly why: string; readonly isUnfinished: boolean }

/** Sorts what is signed by boot and size, for comparing logs with. */
export function signedRoots(found: FoundCheckpoints): {
  readonly signed: SignedRoots
  readonly local: ReadonlyMap<string, LocalCheckpoint>
} {
  const local = new Map([...found.local].map(([boot, note]) => [boot, localCheckpoint(boot, note, found.keys)]))
  const heads = new Map<string, TreeHead>()
  for (const [boot, one] of local) if (one.kind === 'signed') heads.set(boot, one.head)
  const contradicted = new Set<string>()
  // Whoever put it there: it isn't what this log's own key signed, so that the log isn't what was anchored.
  const refused = found.anchors?.refused.filter(({ isUnfinished }) => !isUnfinished) ?? []
  if (!found.areKeysGiven) for (const { boot } of refused) contradicted.add(boot)
  const anchored = new Map<string, ReadonlyMap<number, Uint8Array>>()
  for (const [boot, kept] of found.anchors?.logs ?? []) {
    const roots = new Map<number, Uint8Array>()
    for (const { size, root } of kept) {
      const known = roots.get(size)
      if (known !== undefined && !isSameDigest(known, root)) contradicted.add(boot)
      roots.set(size, root)
    }
    anchored.set(boot, roots)
  }
  return { signed: { anchored: found.anchors === null ? null : anchored, local: heads, contradicted }, local }
}

/** The sizes at which a boot's log is to be compared. */
export function signedSizes(boot: string, { anchored, local }: SignedRoots): ReadonlySet<number> {
  const sizes = new Set(anchored?.get(boot)?.keys())
  const head = local.get(boot)
  if (head !== undefined) sizes.add(head.size)
  return sizes
}

/** The keys that logs name as their signers', as far as they are any. */
export function namedKeys(names: Iterable<string>): readonly VerifierKey[] {
  const keys: VerifierKey[] = []
  for (const name of new Set(names)) {
    try {
      keys.push(parseVerifierKey(name))
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
    }
  }
  return keys
}

function localCheckpoint(boot: string, note: string, keys: readonly VerifierKey[]): LocalCheckpoint {
  try {
    const { text, verified } = verifyNote(note, keys)
    const { origin, size, root } = parseCheckpoint(text)
    const parts = partsOfOrigin(origin)
    const isOwn = parts?.boot === boot && verified.some(({ key, at }) => at === null && key.name === parts.name)
    return isOwn
      ? { kind: 'signed', head: { size, root } }
      : { kind: 'refused', why: 'it is of another log than the one it stands beside', isUnfinished: false }
  } catch (error) {
    if (error instanceof RecordingError)
      return { kind: 'refused', why: error.message, isUnfinished: error.code === 'MALFORMED' }
    throw error
  }
}
