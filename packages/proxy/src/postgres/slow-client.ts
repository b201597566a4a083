import type { Link } from '../link.ts'
import { after } from '../timer.ts'

const STALL_MS_MAX = 60_000

/** A slow client pauses the server, not our memory; one that takes nothing at all loses its session (threats F26). */
export function holdWhileSlow(upstream: Link, client: Link): void {
  upstream.socket.pause()
  void drainedInTime(client).then(() => upstream.socket.resume())
}

/** Resolves when the client has taken what was written. One that takes nothing at all is cut off. */
export async function drainedInTime(client: Link): Promise<void> {
  if (!client.socket.writableNeedDrain) return
  const callOff = after(STALL_MS_MAX, () => client.socket.destroy())
  await client.drained()
  callOff()
}
