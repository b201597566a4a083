import type { Clock } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import type { RandomBytes } from '../format/keys.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import type { InstanceLog } from '../writer/instance-log.ts'
import type { Storage } from '../writer/storage.ts'
import type { Anchor, AnchorState, CheckpointSigner, SignedCheckpoint } from './anchor.ts'
import { AnchorLane, type CheckpointEvent } from './anchor-lane.ts'
import { formatCheckpoint, originOf } from './checkpoint.ts'
import { formatNote, parseVerifierKey, signatureLine } from './signed-note.ts'

/** The newest checkpoint, in a boot's folder; with a witness's cosignature: the same with a dot and its key's id. */
export const CHECKPOINT_NAME = 'checkpoint'
/** A signer that hasn't answered by then has failed this time. */
const SIGN_MS_MAX = 30_000
/** How long an end waits for the anchors to keep the last checkpoint. */
const FINISH_MS_MAX = 5_000

/** How a log's checkpoints are made and kept. */
export interface CheckpointOptions {
  readonly signer: CheckpointSigner
  readonly anchors: readonly Anchor[]
  /** One is made so often, where the log has grown. */
  readonly everyMs: number
  /** How long an anchor may be behind before no session opens and no statement begins (threats F13). */
  readonly graceMs: number
  /** Hears what stopped working, and what works again. */
  readonly report?: (event: CheckpointEvent) => void
}

export interface LiveCheckpoints {
  /** Of each anchor, in the order given. */
  readonly states: () => readonly AnchorState[]
  /** Why nothing new may begin, or null. */
  readonly overdue: () => RecordingError | null
  /** Makes the last checkpoint, of a log that is closed, and gives the anchors a moment to keep it. Never rejects. */
  readonly close: () => Promise<void>
}

interface Parts {
  readonly log: InstanceLog
  readonly boot: string
  readonly storage: Storage
  readonly clock: Clock
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
}

/** What stands in a log's SIGNER entry, and is the first line of its checkpoints. */
export const logSigner = (
  signer: CheckpointSigner,
  boot: string,
): { readonly origin: string; readonly verifierKey: string } => ({
  origin: originOf(signer.name, boot),
  verifierKey: signer.verifierKey,
})

/** Signs a log's tree as it grows, and hands what was signed to the anchors. Nothing waits for it but its own end. */
export function keepCheckpoints(options: CheckpointOptions, parts: Parts): LiveCheckpoints {
  const keeper = new Keeper(options, parts)
  let isStopped = false
  const run = async (): Promise<void> => {
    while (!isStopped) {
      await keeper.look()
      await parts.sleep(options.everyMs)
    }
  }
  void run()
  return {
    states: () => keeper.states(),
    overdue: () => keeper.overdue(),
    close: async () => {
      isStopped = true
      await keeper.look()
      await Promise.all(keeper.lanes.map(lane => lane.finish(FINISH_MS_MAX)))
    },
  }
}

class Keeper {
  readonly lanes: readonly AnchorLane[]
  readonly #options: CheckpointOptions
  readonly #parts: Parts
  /** Of the signer and the disk, by name: why they failed. */
  readonly #failures = new Map<string, string>()
  #signedSize = 0
  #looking: Promise<void> = Promise.resolve()

  constructor(options: CheckpointOptions, parts: Parts) {
    this.#options = options
    this.#parts = parts
    const { log, clock, sleep, randomBytes } = parts
    const tree = log.tree()
    if (tree === null) throw new RecordingError('BAD_OPTIONS', 'this log was opened without a signer; expected one')
    const lane = { tree, graceMs: options.graceMs, clock, sleep, randomBytes, report: this.#report }
    const keepCosigned = (checkpoint: SignedCheckpoint, lines: readonly string[]): Promise<void> =>
      this.#keepCosigned(checkpoint, lines)
    this.lanes = options.anchors.map(anchor => new AnchorLane(anchor, { ...lane, keepCosigned }))
  }

  states(): readonly AnchorState[] {
    const otherwise = this.#failures.get(SIGNER) ?? null
    return this.lanes.map(lane => {
      const state = lane.state()
      return state.failure === null && state.lagMs > 0 ? { ...state, failure: otherwise } : state
    })
  }

  overdue(): RecordingError | null {
    const otherwise = this.#failures.get(SIGNER) ?? null
    for (const lane of this.lanes) {
      const why = lane.overdue(otherwise)
      if (why !== null) return why
    }
    return null
  }

  /** Makes a checkpoint if the log has grown since the last one. One at a time. Never rejects. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look())
    return this.#looking
  }

  async #look(): Promise<void> {
    const tree = this.#parts.log.tree()
    if (tree === null || tree.size === this.#signedSize) return
    const [size, root] = [tree.pin(), tree.root()]
    for (const lane of this.lanes) lane.grew(size)
    try {
      const checkpoint = await this.#sign(size, root)
      this.#worked(SIGNER)
      this.#signedSize = size
      for (const lane of this.lanes) lane.offer(checkpoint)
      await this.#replace(CHECKPOINT_NAME, checkpoint.note)
    } catch (error) {
      this.#failed(SIGNER, error)
    } finally {
      tree.unpin(size)
    }
    // Whoever is asked next whether statements may begin should not be the first to find out.
    this.overdue()
  }

  async #sign(size: number, root: Uint8Array): Promise<SignedCheckpoint> {
    const { signer } = this.#options
    const { boot, sleep } = this.#parts
    const text = formatCheckpoint({ origin: originOf(signer.name, boot), size, root })
    const signing = signer.sign(Buffer.from(text))
    const signature = await Promise.race([signing, sleep(SIGN_MS_MAX).then(() => null)])
    if (signature === null) {
      signing.catch(() => undefined)
      throw new RecordingError('SIGNING_FAILED', `no signature within ${SIGN_MS_MAX / 1_000} s`)
    }
    const note = formatNote(text, [signatureLine(parseVerifierKey(signer.verifierKey), signature)])
    return { boot, size, root, note }
  }

  /** Each witness's newest in a file of its own: they need not be at the same size. */
  async #keepCosigned(checkpoint: SignedCheckpoint, lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      const [, , base64 = ''] = line.split(' ')
      const keyId = Buffer.from(base64, 'base64').subarray(0, 4).toString('hex')
      await this.#parts.storage.replace?.(`${CHECKPOINT_NAME}.${keyId}`, Buffer.from(`${checkpoint.note}${line}\n`))
    }
  }

  /** The copy beside the log is for whoever looks there; the anchors' are what counts. */
  async #replace(name: string, note: string): Promise<void> {
    const { storage } = this.#parts
    try {
      await storage.replace?.(name, Buffer.from(note))
      this.#worked(storage.place)
    } catch (error) {
      this.#failed(storage.place, error)
    }
  }

  #worked(place: string): void {
    if (this.#failures.delete(place)) this.#report({ kind: 'recovered', place })
  }

  #failed(place: string, error: unknown): void {
    const why = error instanceof Error ? error.message : 'unknown error'
    if (!this.#failures.has(place)) this.#report({ kind: 'failed', place, why })
    this.#failures.set(place, why)
  }

  readonly #report = (event: CheckpointEvent): void => this.#options.report?.(event)
}

const SIGNER = 'signer'
