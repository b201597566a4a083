import type { FrameScanner } from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'

/** What to do with the frame at hand: pass it on as it is, drop it, or send these bytes in its place. */
export type Fate = 'show' | 'drop' | Uint8Array

/** Sends a chunk's frames on as `fateOf` has it. Runs of frames that nothing changes go out as the bytes that came in. */
export function relay(chunk: Uint8Array, scanner: FrameScanner, client: Link, fateOf: () => Fate): void {
  let source = chunk
  let from = 0
  let to = 0
  scanner.push(chunk)
  while (scanner.next()) {
    if (scanner.bytes !== source || scanner.start !== to) {
      if (to > from) client.write(source.subarray(from, to))
      source = scanner.bytes
      from = scanner.start
      to = from
    }
    const fate = fateOf()
    if (fate === 'show') {
      to = scanner.end
      continue
    }
    if (to > from) client.write(source.subarray(from, to))
    if (fate !== 'drop') client.write(fate)
    from = scanner.end
    to = from
  }
  if (to > from) client.write(source.subarray(from, to))
}

/** A slow client pauses the server, not our memory; one that takes nothing at all loses its session (threats F26). */
export function holdWhileSlow(upstream: Link, client: Link): void {
  upstream.socket.pause()
  void drainedInTime(client).then(() => upstream.socket.resume())
}

/** Resolves when the client has taken what was written. One that takes nothing at all is cut off. */
export async function drainedInTime(client: Link): Promise<void> {
  if (!client.socket.writableNeedDrain) return
  const stalled = setTimeout(() => client.socket.destroy(), STALL_MS_MAX)
  await client.drained()
  clearTimeout(stalled)
}

const STALL_MS_MAX = 60_000
