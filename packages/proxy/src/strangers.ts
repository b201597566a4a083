import { networkOf } from './attempts.ts'

/** A connection that has not logged in. */
export interface Stranger {
  /** Of the peer. */
  readonly address: string
  /** Whether not one byte has come of it. */
  readonly isSilent: () => boolean
  /** Closes it: somebody else gets its place. */
  readonly drop: () => void
}

/** Frees the place of a stranger. Calling it again changes nothing. */
type Depart = () => void

/**
 * Those who have not logged in, by the network that they come from. Silence costs nothing, so it must gain nothing: once
 * all places are taken, a silent one of the network that has the most of them makes room for whoever comes (threats F29).
 */
export class Strangers {
  /** Each in the order in which they came. */
  readonly #networks = new Map<string, Map<Stranger, Depart>>()
  #count = 0

  /** How many there are of a network. */
  of(address: string): number {
    return this.#networks.get(networkOf(address))?.size ?? 0
  }

  /** Gives a place, if need be that of another. Null: all are taken by strangers that have begun to speak. */
  enter(stranger: Stranger, placesMax: number): Depart | null {
    if (this.#count >= placesMax && !this.#makeRoom()) return null
    const network = networkOf(stranger.address)
    const fellows = this.#networks.get(network) ?? new Map<Stranger, Depart>()
    const depart = (): void => {
      if (!fellows.delete(stranger)) return
      this.#count -= 1
      if (fellows.size === 0) this.#networks.delete(network)
    }
    fellows.set(stranger, depart)
    this.#networks.set(network, fellows)
    this.#count += 1
    return depart
  }

  #makeRoom(): boolean {
    let most = 0
    let given: readonly [Stranger, Depart] | null = null
    for (const fellows of this.#networks.values()) {
      if (fellows.size <= most) continue
      const oldest = oldestSilent(fellows)
      if (oldest === null) continue
      most = fellows.size
      given = oldest
    }
    if (given === null) return false
    const [stranger, depart] = given
    depart()
    stranger.drop()
    return true
  }
}

function oldestSilent(fellows: ReadonlyMap<Stranger, Depart>): readonly [Stranger, Depart] | null {
  for (const one of fellows) if (one[0].isSilent()) return one
  return null
}
