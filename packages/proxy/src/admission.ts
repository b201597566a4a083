import { Attempts, type Forgive } from './attempts.ts'
import { type Stranger, Strangers } from './strangers.ts'

/** Gives a place back. Calling it again changes nothing. */
export type Leave = () => void

/** How a new connection is received. */
export type Greeting =
  | { readonly kind: 'welcome'; readonly leave: Leave; readonly forgive: Forgive }
  /** All places of strangers are taken, or all of its address, or its address has failed too often. */
  | { readonly kind: 'refused'; readonly why: 'strangers' | 'address' | 'attempts' }

/** Whether somebody who is known gets a session. */
export type Seat =
  | { readonly kind: 'taken'; readonly leave: Leave }
  | { readonly kind: 'refused'; readonly why: 'closed' | 'shedding' | 'sessions' | 'identity' }

export interface AdmissionLimits {
  readonly sessionsMax: number
  readonly sessionsPerIdentityMax: number
  readonly failedLoginsPerMinuteMax: number
  readonly failedCancelsPerMinuteMax: number
}

/** Connections that have not logged in, however many sessions there may be: each costs a socket and a timer. */
const STRANGERS_MAX = 1_000
/** One address may have a part of them, and some whatever that part is. */
const ADDRESS_PARTS = 4
const ADDRESS_STRANGERS_MIN = 16

/**
 * How many connections may be there at once, counted when they come and not when their login is done: logins that run
 * beside each other would all find the last place free.
 */
export class Admission {
  readonly #limits: () => AdmissionLimits
  readonly #sessions = new Places()
  readonly #identities = new PlacesByKey()
  readonly #strangers = new Strangers()
  readonly #logins: Attempts
  readonly #cancels: Attempts
  #isOpen = true
  #shedding: string | null = null

  /** @param limits - As they are now: asked each time, so that a reload is felt. */
  constructor(limits: () => AdmissionLimits, monotonic: () => number) {
    this.#limits = limits
    this.#logins = new Attempts({ perMinute: () => limits().failedLoginsPerMinuteMax, monotonic })
    this.#cancels = new Attempts({ perMinute: () => limits().failedCancelsPerMinuteMax, monotonic })
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

  /**
   * A place for a connection that has not logged in, if need be that of another that says nothing. It costs its address
   * an attempt, which is given back to whoever does log in. While the gateway drains there still are places: sessions
   * that go on may be cancelled.
   */
  greet(stranger: Stranger): Greeting {
    const strangersMax = Math.min(STRANGERS_MAX, 4 * this.#limits().sessionsMax)
    const ownMax = Math.max(ADDRESS_STRANGERS_MIN, Math.ceil(strangersMax / ADDRESS_PARTS))
    if (this.#strangers.of(stranger.address) >= ownMax) return { kind: 'refused', why: 'address' }
    // First, so that who has failed too often takes nobody's place.
    const forgive = this.#logins.take(stranger.address)
    if (forgive === null) return { kind: 'refused', why: 'attempts' }
    const leave = this.#strangers.enter(stranger, strangersMax)
    if (leave !== null) return { kind: 'welcome', leave, forgive }
    forgive()
    return { kind: 'refused', why: 'strangers' }
  }

  /** An attempt to cancel, given back where the key is one. Null: this address has got too many wrong. */
  cancel(address: string): Forgive | null {
    return this.#cancels.take(address)
  }

  /** A place for a session of somebody, by the key of the identity. */
  seat(identity: string): Seat {
    if (!this.#isOpen) return { kind: 'refused', why: 'closed' }
    if (this.#shedding !== null) return { kind: 'refused', why: 'shedding' }
    const { sessionsMax, sessionsPerIdentityMax } = this.#limits()
    const own = this.#identities.take(identity, sessionsPerIdentityMax)
    if (own === null) return { kind: 'refused', why: 'identity' }
    const place = this.#sessions.take(sessionsMax)
    if (place === null) {
      own()
      return { kind: 'refused', why: 'sessions' }
    }
    return {
      kind: 'taken',
      leave: () => {
        own()
        place()
      },
    }
  }

  /** From now on nobody gets a session. */
  close(): void {
    this.#isOpen = false
  }
}

class Places {
  #taken = 0

  get isEmpty(): boolean {
    return this.#taken === 0
  }

  take(max: number): Leave | null {
    if (this.#taken >= max) return null
    this.#taken += 1
    let isLeft = false
    return () => {
      if (!isLeft) this.#taken -= 1
      isLeft = true
    }
  }
}

/** Places of each, with no account of who has none. */
class PlacesByKey {
  readonly #places = new Map<string, Places>()

  take(key: string, max: number): Leave | null {
    const places = this.#places.get(key) ?? new Places()
    const leave = places.take(max)
    if (leave === null) return null
    this.#places.set(key, places)
    return () => {
      leave()
      if (places.isEmpty && this.#places.get(key) === places) this.#places.delete(key)
    }
  }
}
