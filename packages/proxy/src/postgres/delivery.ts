import type { Session } from '@querywarden/policy-core'
import type { Link } from '../link.ts'
import type { BatchEnd } from './expected.ts'
import type { Outbox, TakenRows } from './outbox.ts'
import { Faucet } from './slow-client.ts'

/** What a {@link Delivery} is made of. */
export interface DeliveryParts {
  readonly session: Session
  readonly client: Link
  readonly upstream: Link
  readonly outbox: Outbox
  /** Told of the end of a batch once the client has been sent all that came of it. */
  readonly onEnd: (end: BatchEnd) => void
  /** The recorder can't take what must be recorded. Called once, and nothing is sent any more. */
  readonly onRecorderFailed: () => void
}

/**
 * The last step on the way to a client: what is in the outbox is looked through for what must never go out, then what must
 * be recorded of it is given to the recorder, and when the recorder has taken it, it is sent. Where nothing is recorded it
 * is sent at once.
 */
export class Delivery {
  readonly #parts: DeliveryParts
  readonly #faucet: Faucet
  #ready: Uint8Array[] = []
  #ends: BatchEnd[] = []
  /** How many things the recorder hasn't taken yet. */
  #awaited = 0
  /** Something was found that must not go out, or can't be recorded. */
  #isStopped = false

  constructor(parts: DeliveryParts) {
    this.#parts = parts
    this.#faucet = new Faucet(parts.upstream)
  }

  /** Nothing of what comes now goes out before this has resolved. */
  hold(recorded: Promise<void>): void {
    // One chunk may come while the recorder works. Whoever is behind by more sets the pace.
    this.#awaited += 1
    recorded.then(this.#onRecorded, this.#onFailed)
  }

  /** The batch has ended with what is in the outbox now. */
  end(end: BatchEnd): void {
    this.#ends.push(end)
  }

  /** Gives the recorder the rows in the outbox: ahead of what is recorded of the message behind them. */
  record(): void {
    const { outbox, client } = this.#parts
    const pieces = outbox.take()
    if (pieces.length === 0 || this.#isStopped) return
    const passed = client.look(pieces)
    if (passed === null) {
      this.#stop()
      return
    }
    this.#ready.push(...passed)
    for (const taken of outbox.takeRows()) this.hold(this.#take(taken))
  }

  #take({ running, frames, rows }: TakenRows): Promise<void> {
    const { cleared, portal } = running
    const columns = cleared.facts.copy === 'out' ? null : portal.columns
    return this.#parts.session.rows(cleared, { frames, rows, columns })
  }

  /** A received chunk is worked through. */
  deliver(): void {
    const isBehind = this.#awaited > 0
    this.record()
    if (this.#awaited === 0) this.#send()
    else if (isBehind) this.#faucet.close(this)
  }

  /** The chunk broke off: the client gets what came before, where that can be without waiting. */
  breakOff(): void {
    const { outbox, client } = this.#parts
    if (this.#awaited > 0 || this.#isStopped || outbox.hasRows) return
    const passed = client.look(outbox.take())
    if (passed !== null) client.send(passed)
  }

  /** Sends what was found clean and given to the recorder, before the session ends over what comes behind it. */
  sendReady(): void {
    const pieces = this.#ready
    this.#ready = []
    this.#parts.client.send(pieces)
  }

  readonly #onRecorded = (): void => {
    this.#awaited -= 1
    if (this.#awaited > 0) return
    this.#faucet.open(this)
    this.#send()
  }

  readonly #onFailed = (): void => {
    if (this.#isStopped) return
    this.#stop()
    this.#parts.onRecorderFailed()
  }

  #stop(): void {
    this.#isStopped = true
    this.#ready = []
    this.#ends = []
  }

  #send(): void {
    const { client, onEnd } = this.#parts
    if (this.#ready.length > 0) {
      const pieces = this.#ready
      this.#ready = []
      client.send(pieces)
      if (client.socket.writableNeedDrain) this.#faucet.closeWhileSlow(client)
    }
    if (this.#ends.length === 0) return
    const ends = this.#ends
    this.#ends = []
    for (const end of ends) onEnd(end)
  }
}
