/** A commit that takes longer than this shows a disk that is not well: what could block on it is no longer done at once. */
export const SLOW_MS = 100
/** A write into the kernel's memory takes microseconds; one that took so long waited for the disk. */
export const BLOCKED_MS = 20
/** From here on nothing new is taken (threats F11). */
export const LAG_MS_MAX = 2_000

/** Knows how the disk is doing, by the commits that are under way. One for all files of a recorder. */
export class DiskWatch {
  readonly #monotonic: () => number
  readonly #underWay = new Map<number, number>()
  #commits = 0
  #oldestAt: number | null = null
  #blocked = false

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** Milliseconds from an arbitrary origin. */
  now(): number {
    return this.#monotonic()
  }

  /** Says that a commit begins; gives what {@link DiskWatch.end} needs. */
  begin(): number {
    const now = this.#monotonic()
    this.#underWay.set(++this.#commits, now)
    this.#oldestAt ??= now
    return this.#commits
  }

  /** Says that a commit is over, well or not. */
  end(commit: number): void {
    const startedAt = this.#underWay.get(commit)
    if (startedAt === undefined) return
    this.#underWay.delete(commit)
    // In the order they began: the first is the oldest.
    const oldest = this.#underWay.values().next()
    this.#oldestAt = oldest.done === true ? null : oldest.value
    if (this.#monotonic() - startedAt <= SLOW_MS) this.#blocked = false
  }

  /** Runs a write that doesn't wait for the disk, and notices when it did. */
  timed(write: () => void): void {
    const startedAt = this.#monotonic()
    write()
    if (this.#monotonic() - startedAt > BLOCKED_MS) this.#blocked = true
  }

  /** How long the oldest commit has been under way, in milliseconds. */
  lagMs(): number {
    return this.#oldestAt === null ? 0 : this.#monotonic() - this.#oldestAt
  }

  /** Whether a write could hang: one did, and no commit was quick since, or one is under way for too long. */
  isSlow(): boolean {
    return this.#blocked || this.lagMs() > SLOW_MS
  }
}
