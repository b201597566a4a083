import { COPY_DONE, clientAction, decodeCopyFail, encodeCopyData, encodeCopyFail } from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { ConversationError } from './conversation-error.ts'
import type { Running } from './expected.ts'
import { countBytes } from './statement-limits.ts'

/** The data of one COPY FROM STDIN, from client to server. */
export class CopyIn {
  readonly #client: Link
  readonly #upstream: Link
  readonly #running: Running
  #isOver = false
  #isStopped = false
  #wake: () => void = () => undefined

  constructor(client: Link, upstream: Link, running: Running) {
    this.#client = client
    this.#upstream = upstream
    this.#running = running
  }

  /**
   * Ends it from our side: the server doesn't act on a cancel while it waits for data, but it does on a CopyFail. What the
   * client still sends is dropped, as behind an error of the server's own.
   */
  stop(): void {
    this.#isStopped = true
    this.#wake()
  }

  /**
   * Relays until the client says that it is all, or the server has ended the COPY: `done`. Gives what is still to be sent
   * to the server, ahead of a Sync: it ignored any until now.
   * @throws {ConversationError} the client left, or sent what has no place here (threats P9)
   */
  async relay(done: Promise<unknown>): Promise<Uint8Array> {
    // It may fail while nobody waits for it here: whoever gave it waits too.
    done.then(
      () => this.#end(),
      () => this.#end(),
    )
    for (;;) {
      const last = this.#relayArrived()
      if (last !== null) return last
      if (this.#client.gone.aborted && this.#upstream.socket.writableNeedDrain)
        throw new ConversationError('client-left', 'the client left during COPY')
      await Promise.race([
        this.#upstream.socket.writableNeedDrain ? this.#upstream.drained() : this.#client.arrival(),
        new Promise<void>(resolve => {
          this.#wake = resolve
        }),
      ])
    }
  }

  /** The client has left. What it sent before may still be passed on, but nobody waits for a server that takes it slowly. */
  onClientGone(): void {
    this.#wake()
  }

  #end(): void {
    this.#isOver = true
    this.#wake()
  }

  /** Passes on what is there, unless the server can't keep up. Gives the last bytes, or null while more must come. */
  #relayArrived(): Uint8Array | null {
    while (!this.#upstream.socket.writableNeedDrain) {
      // What comes behind the end belongs to the next batch.
      if (this.#isOver) return NOTHING
      if (this.#isStopped) return encodeCopyFail({ reason: 'stopped by the gateway' })
      const frame = this.#client.take()
      if (frame === undefined) return null
      if (frame === null) throw new ConversationError('client-left', 'the client left during COPY')
      switch (clientAction('copy-in', frame.tag)) {
        case 'copy-data':
          this.#count(frame.bytes.length)
          this.#upstream.write(encodeCopyData({ data: frame.body }))
          break
        case 'copy-done':
          return COPY_DONE
        case 'copy-fail':
          return encodeCopyFail(decodeCopyFail(frame.body))
        case 'ignore':
          break
        default:
          throw new ConversationError('protocol-violation', `message ${frame.tag} has no place inside COPY`)
      }
    }
    return null
  }

  /** The byte limit holds for what a statement brings as for what it takes; how many rows these are only the server knows. */
  #count(bytes: number): void {
    if (countBytes(this.#running, bytes)) return
    this.#running.stopped = 'bytes'
    this.#isStopped = true
  }
}

const NOTHING = new Uint8Array(0)
