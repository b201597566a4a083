/** Gives a place back. Calling it again changes nothing. */
export type Leave = () => void

/** Connections that have not logged in, however many sessions there may be: each costs a socket and a timer. */
const STRANGERS_MAX = 1_000

/**
 * How many connections may be there at once, counted when they come and not when their login is done: logins that run
 * beside each other would all find the last place free.
 */
export class Admission {
  readonly #sessions: Places
  readonly #strangers: Places
  #isOpen = true
  #shedding: string | null = null

  constructor({ sessionsMax }: { readonly sessionsMax: number }) {
    this.#sessions = new Places(sessionsMax)
    this.#strangers = new Places(Math.min(STRANGERS_MAX, 4 * sessionsMax))
  }

  /** False from the moment that the gateway stops. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Why no session is taken now although there are places, or null: the process stalls, or its memory runs out. */
  get shedding(): string | null {
    return this.#shedding
  }

  /** Takes no new session for as long as there is a reason; null ends it. Sessions that there are go on (threats O1, F35). */
  shed(reason: string | null): void {
    this.#shedding = reason
  }

  /** A place for a connection that has not logged in, or null when all are taken. */
  greet(): Leave | null {
    return this.#isOpen ? this.#strangers.take() : null
  }

  /** A place for a session, or null when all are taken. */
  seat(): Leave | null {
    return this.#isOpen && this.#shedding === null ? this.#sessions.take() : null
  }

  /** From now on nobody is let in. */
  close(): void {
    this.#isOpen = false
  }
}

class Places {
  readonly #max: number
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  take(): Leave | null {
    if (this.#taken >= this.#max) return null
    this.#taken += 1
    let isLeft = false
    return () => {
      if (!isLeft) this.#taken -= 1
      isLeft = true
    }
  }
}
