import type { Socket } from 'node:net'
import type { Conversation } from './postgres/conversation.ts'
import type { Report } from './postgres/error-response.ts'
import { after } from './timer.ts'

/** What is watched of a session. */
interface Watched {
  readonly socket: Socket
  bytes: number
  sinceMs: number
}

/** A session that could be ended without losing anybody's work. */
export interface IdleSession {
  /** Grows from one session that became idle to the next. */
  readonly idleSince: number
  readonly end: () => void
}

/** How often sessions are looked at: as a part of what they may be idle, between these bounds. */
const LOOKS = 4
const LOOK_MS_MIN = 250
const LOOK_MS_MAX = 5_000

/**
 * Ends sessions whose client does nothing for too long (threats F23). One look at all of them every few seconds, by the
 * bytes that have come and gone, costs a session nothing while it works: no timer is set again for each message.
 */
export class IdleWatch {
  readonly #idleMsMax: () => number
  readonly #monotonic: () => number
  readonly #watched = new Map<Conversation, Watched>()
  #stopClock: () => void

  /** @param options.idleMsMax - As it is now: asked at each look, so that a reload is felt. */
  constructor({ idleMsMax, monotonic }: { readonly idleMsMax: () => number; readonly monotonic: () => number }) {
    this.#idleMsMax = idleMsMax
    this.#monotonic = monotonic
    this.#stopClock = this.#lookLater()
  }

  add(conversation: Conversation, socket: Socket): void {
    this.#watched.set(conversation, { socket, bytes: moved(socket), sinceMs: this.#monotonic() })
  }

  remove(conversation: Conversation): void {
    this.#watched.delete(conversation)
  }

  /** Sessions that do nothing, as of the last look. */
  idle(): readonly IdleSession[] {
    return [...this.#watched]
      .filter(([conversation, { socket, bytes }]) => conversation.turn === 'idle' && moved(socket) === bytes)
      .map(([conversation, { sinceMs }]) => ({ idleSince: sinceMs, end: () => conversation.end(SHED, 'shutdown') }))
  }

  stop(): void {
    this.#stopClock()
  }

  #lookLater(): () => void {
    const ms = Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, this.#idleMsMax() / LOOKS))
    return after(ms, () => {
      this.#look()
      this.#stopClock = this.#lookLater()
    })
  }

  #look(): void {
    const nowMs = this.#monotonic()
    const idleMsMax = this.#idleMsMax()
    for (const [conversation, watched] of this.#watched) {
      const bytes = moved(watched.socket)
      // What runs, or waits for a person, is nobody's idleness.
      if (bytes !== watched.bytes || conversation.turn === 'busy') {
        watched.bytes = bytes
        watched.sinceMs = nowMs
      } else if (nowMs - watched.sinceMs >= idleMsMax) {
        conversation.end(report(conversation.turn, idleMsMax), 'idle')
      }
    }
  }
}

const HINT = 'log in again when there is something to do'

const SHED: Report = {
  sqlstate: '57P05',
  message: 'the gateway is short of memory and ended sessions that did nothing',
  hint: HINT,
}

/** idle_session_timeout and idle_in_transaction_session_timeout, as the server's own are. */
function report(turn: 'idle' | 'in-transaction', idleMsMax: number): Report {
  const what = `this session did nothing for ${Math.ceil(idleMsMax / 1_000)} s`
  return turn === 'idle'
    ? { sqlstate: '57P05', message: what, hint: HINT }
    : { sqlstate: '25P03', message: `${what} inside a transaction`, hint: HINT }
}

const moved = ({ bytesRead, bytesWritten }: Socket): number => bytesRead + bytesWritten
