import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '@querywarden/policy-core'
import type { Storage } from '../../src/index.ts'

/** Time that passes when a test says so. */
export interface VirtualTime {
  readonly clock: Clock
  readonly sleep: (ms: number) => Promise<void>
  /** Lets so much time pass: who sleeps is woken in order, each when it is their time. */
  readonly pass: (ms: number) => Promise<void>
  /** Time stands still while such a storage works: on a busy machine its disk would look slow. */
  readonly storage: (storage: Storage) => Storage
}

const START = Date.UTC(2026, 0, 1)

export function virtualTime(): VirtualTime {
  let now = 0
  let working = 0
  const work = async <T>(doing: Promise<T>): Promise<T> => {
    working += 1
    try {
      return await doing
    } finally {
      working -= 1
    }
  }
  /** What was woken gets to do its work. */
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 5 || working > 0; turns++) await turn()
  }
  const sleeping: { readonly until: number; readonly wake: () => void }[] = []
  return {
    clock: { now: () => START + now, monotonic: () => now },
    sleep: ms => new Promise(wake => sleeping.push({ until: now + ms, wake })),
    pass: async ms => {
      const end = now + ms
      await settle()
      for (;;) {
        sleeping.sort((a, b) => a.until - b.until)
        const [next] = sleeping
        if (next === undefined || next.until > end) break
        sleeping.shift()
        now = Math.max(now, next.until)
        next.wake()
        await settle()
      }
      now = end
      await settle()
    },
    storage: storage => ({
      ...storage,
      freeBytes: () => work(storage.freeBytes()),
      replace: (name, bytes) => work(storage.replace?.(name, bytes) ?? Promise.resolve()),
      create: async (name, bytes) => {
        const file = await work(storage.create(name, bytes))
        return { ...file, write: bytes => work(file.write(bytes)), sync: () => work(file.sync()) }
      },
      createTail: async (name, bytes) => {
        const { createTail } = storage
        if (createTail === undefined) throw new Error('this storage has no tails')
        const file = await work(createTail(name, bytes))
        return { ...file, sync: () => work(file.sync()) }
      },
    }),
  }
}
