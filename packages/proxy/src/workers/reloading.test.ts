import { expect, test } from 'vitest'
import type { Sources } from '../sources.ts'
import { reloading } from './reloading.ts'

/** A worker that opens a configuration when it is told to. */
function worker() {
  const opened = new Map<Sources, () => void>()
  let inForce: Sources | null = null
  const levels: string[] = []
  const handlers = reloading({
    prepare: sources =>
      new Promise(resolve => {
        opened.set(sources, () =>
          resolve(() => {
            inForce = sources
          }),
        )
      }),
    setLevel: level => levels.push(level),
  })
  const context = { signal: new AbortController().signal, note: () => undefined }
  return {
    prepare: (reload: number, sources: Sources) => handlers.prepare({ reload, sources }, context),
    commit: (reload: number) => handlers.commit({ reload, logLevel: 'info' }, context),
    discard: (reload: number) => handlers.discard({ reload }, context),
    open: (sources: Sources) => opened.get(sources)?.(),
    inForce: () => inForce,
    levels,
  }
}

const sourcesOf = (policyText: string): Sources => ({ policyText }) as Sources
const refused = sourcesOf('refused')
const wanted = sourcesOf('wanted')

test('F33: what a refused reload prepares late is put in force by no later one', async () => {
  const { prepare, commit, discard, open, inForce, levels } = worker()
  const late = prepare(1, refused)
  await discard(1)
  const next = prepare(2, wanted)
  open(wanted)
  await next
  open(refused)
  await expect(late).rejects.toThrow('given up')
  await expect(commit(1)).rejects.toThrow('nothing is prepared')
  expect(inForce()).toBeNull()
  await commit(2)
  expect([inForce(), levels]).toEqual([wanted, ['info']])
})

test('F33: nothing that was discarded while it was prepared comes into force', async () => {
  const { prepare, commit, discard, open, inForce } = worker()
  const late = prepare(1, refused)
  await discard(1)
  open(refused)
  await expect(late).rejects.toThrow('given up')
  await expect(commit(1)).rejects.toThrow('nothing is prepared')
  expect(inForce()).toBeNull()
})

test('F33: a discard that comes late leaves alone what a later reload prepared, and nothing is committed twice', async () => {
  const { prepare, commit, discard, open, inForce } = worker()
  const next = prepare(2, wanted)
  open(wanted)
  await next
  await discard(1)
  await commit(2)
  expect(inForce()).toBe(wanted)
  await expect(commit(2)).rejects.toThrow('nothing is prepared')
})
