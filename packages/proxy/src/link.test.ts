import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { BACKEND_TAGS, FrameBuffer } from '@querywarden/wire/postgres'
import { afterEach, describe, expect, test } from 'vitest'
import { Link } from './link.ts'

const BOUND = 1_024
const CHUNK = Buffer.alloc(BOUND + 1, 0x53)
const opened: { readonly close: () => void }[] = []

afterEach(() => {
  for (const { close } of opened.splice(0)) close()
})

/** A link, and the peer at its other end. */
async function linked(): Promise<{ readonly link: Link; readonly peer: Socket }> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  const peer = connect(address.port, '127.0.0.1').on('error', () => undefined)
  const [socket]: Socket[] = await once(server, 'connection')
  opened.push({
    close: () => {
      peer.destroy()
      socket!.destroy()
      server.close()
    },
  })
  const frames = new FrameBuffer({ frameBytesMax: 1 << 20, tags: BACKEND_TAGS })
  return { link: new Link(socket!, frames, { bufferedBytesMax: BOUND }), peer }
}

const paused = async ({ socket }: Link): Promise<void> => {
  while (!socket.isPaused()) await turn()
}
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })

describe('A5: a peer that overfills its buffer while nobody reads', () => {
  test('is paused as long as somebody is about to read', async () => {
    const { link, peer } = await linked()
    peer.write(CHUNK)
    await paused(link)
    expect(link.gone.aborted).toBe(false)
  })

  test('is cut off in a hold, and so is gone', async () => {
    const { link, peer } = await linked()
    link.refuseOverflow()
    peer.write(CHUNK)
    await aborted(link.gone)
    expect(link.socket.destroyed).toBe(true)
  })

  test('is cut off at the start of a hold when it was paused already', async () => {
    const { link, peer } = await linked()
    peer.write(CHUNK)
    await paused(link)
    link.refuseOverflow()
    await aborted(link.gone)
    expect(link.socket.destroyed).toBe(true)
  })

  test('is paused again once every hold is over, however often one is ended', async () => {
    const { link, peer } = await linked()
    const ends = [link.refuseOverflow(), link.refuseOverflow()]
    for (const end of [...ends, ...ends]) end()
    peer.write(CHUNK)
    await paused(link)
    expect(link.socket.destroyed).toBe(false)
    link.refuseOverflow()
    await aborted(link.gone)
  })
})
