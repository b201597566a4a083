import type { Link } from '../link.ts'
import { after } from '../timer.ts'

const STALL_MS_MAX = 60_000

/** Keeps a server from being read for as long as anybody asks for that: what it has to say waits there, and not here. */
export class Faucet {
  readonly #upstream: Link
  readonly #closedBy = new Set<object>()

  constructor(upstream: Link) {
    this.#upstream = upstream
  }

  close(by: object): void {
    this.#closedBy.add(by)
    this.#upstream.socket.pause()
  }

  open(by: object): void {
    if (this.#closedBy.delete(by) && this.#closedBy.size === 0) this.#upstream.socket.resume()
  }

  /** A slow client pauses the server, not our memory; one that takes nothing at all loses its session (threats F26). */
  closeWhileSlow(client: Link): void {
    if (this.#closedBy.has(client)) return
    this.close(client)
    void drainedInTime(client).then(() => this.open(client))
  }
}

/** Resolves when the client has taken what was written. One that takes nothing at all is cut off. */
export async function drainedInTime(client: Link): Promise<void> {
  if (!client.socket.writableNeedDrain) return
  const callOff = after(STALL_MS_MAX, () => client.socket.destroy())
  await client.drained()
  callOff()
}
