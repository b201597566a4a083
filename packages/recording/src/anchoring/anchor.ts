import type { VerifierKey } from './signed-note.ts'

/** A checkpoint as it is kept outside: a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint). */
export interface SignedCheckpoint {
  /** Whose instance log it is over. */
  readonly boot: string
  /** How many frames of the log it covers. */
  readonly size: number
  /** RFC 6962 root of the tree whose leaves are those frames. */
  readonly root: Uint8Array
  /** The whole note: text, blank line, signatures. */
  readonly note: string
}

/** Signs checkpoints. The key need not be in this process. */
export interface CheckpointSigner {
  /** The key's name in notes, such as `gateway-1.example.com`; without white space or `+`. */
  readonly name: string
  /** `<name>+<key id>+<key>`, as c2sp.org/signed-note has it: what a verifier is given. */
  readonly verifierKey: string
  /** The Ed25519 signature over the note's text, 64 bytes. Rejects when it can't be had. */
  readonly sign: (text: Uint8Array) => Promise<Uint8Array>
}

/** A place that the gateway's host can't change what it holds: a mount of its own, an object store under lock, a witness. */
export interface Anchor {
  /** Named in errors, metrics and logs; no credential in it. */
  readonly name: string
  /**
   * Keeps a checkpoint. Resolves when it is kept for good; the same one twice is no error, another of the same size is.
   * `sinceSize` and `proof` are for who checks that the log only grew: the RFC 6962 consistency proof from there.
   * Signature lines of witnesses go to `cosigned`, which resolves when they are safe beside the log.
   */
  readonly keep: (
    checkpoint: SignedCheckpoint,
    growth: Growth,
    cosigned: (lines: readonly string[]) => Promise<void>,
  ) => Promise<void>
}

/** That a log of one size is the beginning of another. */
export interface Growth {
  /** @throws RecordingError BAD_OPTIONS from a size that no checkpoint was handed to this anchor for. */
  readonly proofFrom: (size: number) => readonly Uint8Array[]
}

/** Reads back what an anchor keeps, to verify by. */
export interface AnchorSource {
  readonly name: string
  /** Where there are any, what is kept counts only with the cosignature of one of them: the place itself is not trusted. */
  readonly cosigners?: readonly VerifierKey[]
  readonly checkpoints: () => AsyncIterable<{ readonly boot: string; readonly note: string }>
}

/** How far the log is vouched for outside. */
export interface AnchorState {
  readonly anchor: string
  /** How many frames of the log are kept there. */
  readonly size: number
  /** For how long something has been waiting to be kept there, in milliseconds; 0 where nothing has. */
  readonly lagMs: number
  /** Why the last try failed; null where it didn't. */
  readonly failure: string | null
  /** How many tries failed. */
  readonly failures: number
}
