import { RecordingError } from '../errors.ts'
import type { AnchorSource } from './anchor.ts'
import { type Checkpoint, parseCheckpoint, partsOfOrigin } from './checkpoint.ts'
import { type VerifiedSignature, type VerifierKey, verifyNote } from './signed-note.ts'
import type { TreeHead } from './verify-proofs.ts'

/** How far a log is vouched for outside: it had this root when it had so many frames. */
export interface AnchoredHead extends TreeHead {
  /** The anchor that keeps it. */
  readonly anchor: string
  /** Witnesses that saw it, and when, in milliseconds since 1970. */
  readonly witnesses: readonly { readonly name: string; readonly at: number }[]
}

/** A note that an anchor keeps and that counts for nothing. */
export interface RefusedNote {
  readonly anchor: string
  readonly boot: string
  readonly why: string
  /** It is no whole note: its keeping was cut short. Otherwise somebody else signed it, or it was changed. */
  readonly isUnfinished: boolean
}

/** What anchors say. */
export interface AnchorsRead {
  /** By boot, the smallest first. Two of one size may differ: then one of them is not of this log. */
  readonly logs: ReadonlyMap<string, readonly AnchoredHead[]>
  /** What is kept there and is no checkpoint by a key that is known: somebody else wrote it. */
  readonly refused: readonly RefusedNote[]
}

/**
 * Reads what anchors keep and verifies every note by the log's keys; where a source names witnesses, by theirs as well.
 *
 * @throws what a source throws that can't be read.
 * @example
 * const { logs } = await readAnchors([folderAnchorSource('/mnt/anchor')], [parseVerifierKey(key)])
 */
export async function readAnchors(
  sources: readonly AnchorSource[],
  signers: readonly VerifierKey[],
): Promise<AnchorsRead> {
  const logs = new Map<string, AnchoredHead[]>()
  const refused: AnchorsRead['refused'][number][] = []
  for (const source of sources) {
    for await (const { boot, note } of source.checkpoints()) {
      try {
        const head = verifiedHead({ boot, note, source, signers })
        const known = logs.get(boot)
        if (known === undefined) logs.set(boot, [head])
        else known.push(head)
      } catch (error) {
        if (!(error instanceof RecordingError)) throw error
        refused.push({ anchor: source.name, boot, why: error.message, isUnfinished: error.code === 'MALFORMED' })
      }
    }
  }
  for (const heads of logs.values()) heads.sort((a, b) => a.size - b.size)
  return { logs, refused }
}

function verifiedHead(kept: {
  readonly boot: string
  readonly note: string
  readonly source: AnchorSource
  readonly signers: readonly VerifierKey[]
}): AnchoredHead {
  const { boot, note, source, signers } = kept
  const cosigners = source.cosigners ?? []
  const { text, verified } = verifyNote(note, [...signers, ...cosigners])
  const checkpoint = parseCheckpoint(text)
  checkSigner(checkpoint, boot, verified)
  const witnesses = verified.flatMap(({ key, at }) => (at === null ? [] : [{ name: key.name, at }]))
  if (source.cosigners !== undefined && witnesses.length === 0) {
    throw new RecordingError('FORGED', 'no witness has cosigned this checkpoint')
  }
  return { size: checkpoint.size, root: checkpoint.root, anchor: source.name, witnesses }
}

/** A key speaks for the logs under its own name alone, and a note for the boot that it is kept for. */
function checkSigner({ origin }: Checkpoint, boot: string, verified: readonly VerifiedSignature[]): void {
  const parts = partsOfOrigin(origin)
  if (parts?.boot !== boot) throw new RecordingError('FORGED', 'this checkpoint is of another log than it is kept for')
  if (!verified.some(({ key, at }) => at === null && key.name === parts.name)) {
    throw new RecordingError('FORGED', `this checkpoint isn't signed by \`${parts.name}\`, whose log it is of`)
  }
}
