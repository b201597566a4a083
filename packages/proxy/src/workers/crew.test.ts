import { expect, test } from 'vitest'
import { openLog } from '../log.ts'
import { Crew } from './crew.ts'
import type { WorkerProcess } from './fork-worker.ts'
import { PeerError } from './peer.ts'

/** A process that ends when it is told to. */
function endable(pid: number): WorkerProcess & { readonly end: () => void } {
  let end = (): void => undefined
  const ended = new Promise<number | null>(resolve => {
    end = () => resolve(null)
  })
  const peer = { call: () => Promise.reject(new PeerError('GONE', 'gone')) }
  return { pid, peer, ended, kill: end, end }
}

test('F29: a worker that the system makes no process for is tried again, and counts as no loss', async () => {
  const first = endable(1)
  const second = endable(2)
  const forks = [
    () => first,
    () => {
      throw new Error('spawn ENOMEM')
    },
    () => second,
  ]
  const isMade = new Promise<void>(resolve => {
    const crew: Crew = new Crew({
      workers: 1,
      log: openLog('silent'),
      monotonic: () => 0,
      onEnded: () => undefined,
      fork: hand => {
        const process = forks.shift()?.() ?? endable(3)
        queueMicrotask(() => crew.ready(hand))
        if (process === second) {
          queueMicrotask(async () => {
            expect(crew.losses).toBe(1)
            await crew.stop(0)
            resolve()
          })
        }
        return process
      },
    })
    void crew.start().then(first.end)
  })
  await isMade
  expect(forks).toHaveLength(0)
})

test('F29: where not even the first can be made the start fails, and there is nothing to stop', async () => {
  const crew = new Crew({
    workers: 2,
    log: openLog('silent'),
    monotonic: () => 0,
    onEnded: () => undefined,
    fork: () => {
      throw new Error('spawn ENOMEM')
    },
  })
  await expect(crew.start()).rejects.toThrow('a worker ended before it served')
  await crew.stop(60_000)
})
