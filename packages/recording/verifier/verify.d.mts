/** A verdict as docs/recording-format.md has it; what a kind has beside is in the fields. */
export interface FoundVerdict {
  readonly kind: 'COMPLETE' | 'OPEN' | 'TORN' | 'UNANCHORED' | 'TAMPERED' | 'MISSING'
  readonly frames?: number
  readonly anchoredFrames?: number
  readonly since?: number
  readonly firstBadSeq?: number
  readonly lastFrames?: number
  readonly isRetired?: boolean
}

export interface FoundDirectory {
  readonly recordings: readonly {
    readonly recording: string
    readonly file: string | null
    readonly verdict: FoundVerdict
  }[]
  readonly logs: readonly {
    readonly boot: string
    readonly state: 'sound' | 'torn' | 'damaged'
    readonly anchored: number
    readonly isRolledBack: boolean
  }[]
  /** How many checkpoints no key that is known has signed. */
  readonly refused: number
}

/** Verifies a directory, by code of its own. `keys`: verifier keys; without any, those that the logs name. */
export declare function verifyDirectory(
  dir: string,
  options?: { readonly anchors?: readonly string[]; readonly keys?: readonly string[] },
): FoundDirectory
