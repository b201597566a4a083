import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../config/config-error.ts'
import { type Handlers, openPeer, type Peer } from './peer.ts'

type Methods = {
  readonly double: { readonly argument: number; readonly answer: number; readonly note: string }
}
type None = Readonly<Record<never, never>>

/** Two peers whose messages are copied on the way, as between processes. */
function pair(handlers: Handlers<Methods>): { readonly caller: Peer<Methods>; readonly wire: EventEmitter } {
  const wire = new EventEmitter()
  openPeer<Methods, None>({
    send: message => wire.emit('to-caller', structuredClone(message)),
    onMessage: listener => wire.on('to-server', listener),
    onGone: listener => wire.on('gone', listener),
    handlers,
    onFailure: () => undefined,
  })
  const caller = openPeer<None, Methods>({
    send: message => wire.emit('to-server', structuredClone(message)),
    onMessage: listener => wire.on('to-caller', listener),
    onGone: listener => wire.on('gone', listener),
    handlers: {},
    onFailure: () => undefined,
  })
  return { caller, wire }
}

test('a call is answered, with notes on the way', async () => {
  const notes: string[] = []
  const { caller } = pair({
    double: async (n, { note }) => {
      note('on it')
      return 2 * n
    },
  })
  expect(await caller.call('double', 21, { onNote: note => notes.push(note) })).toBe(42)
  expect(notes).toEqual(['on it'])
})

describe('fails closed', () => {
  test('when the other is gone, before or while it is asked', async () => {
    let aborted = false
    const { caller, wire } = pair({
      double: (_n, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = true
          })
        }),
    })
    const asked = caller.call('double', 1)
    wire.emit('gone')
    await expect(asked).rejects.toMatchObject({ code: 'GONE' })
    await expect(caller.call('double', 1)).rejects.toMatchObject({ code: 'GONE' })
    expect(aborted).toBe(true)
  })

  test('when the handler throws, without what its error holds, but for what is wrong with a configuration', async () => {
    const thrown: Error[] = [new Error('c4nary'), new ConfigError('INVALID', 'a limit is wrong')]
    const { caller } = pair({ double: () => Promise.reject(thrown.shift()) })
    const failure = await caller.call('double', 1).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'FAILED' })
    expect(String(failure)).not.toContain('c4nary')
    await expect(caller.call('double', 1)).rejects.toMatchObject({ name: 'ConfigError', message: 'a limit is wrong' })
  })
})

test('fails closed when an argument or an answer can not be sent', async () => {
  const { caller } = pair({ double: () => Promise.resolve((() => undefined) as unknown as number) })
  await expect(caller.call('double', (() => undefined) as unknown as number)).rejects.toThrow(/could not be cloned/)
  await expect(caller.call('double', 1)).rejects.toMatchObject({ code: 'FAILED' })
})

test('A5: an asker that no longer wants the answer tells the other, also when it never did', async () => {
  const { caller } = pair({
    double: (_n, { signal }) =>
      new Promise(resolve => {
        if (signal.aborted) resolve(-1)
        signal.addEventListener('abort', () => resolve(-1))
      }),
  })
  const leaving = new AbortController()
  const asked = caller.call('double', 1, { signal: leaving.signal })
  leaving.abort()
  expect(await asked).toBe(-1)
  expect(await caller.call('double', 1, { signal: AbortSignal.abort() })).toBe(-1)
})

test('what is no message of ours is left alone', () => {
  const { wire } = pair({ double: n => Promise.resolve(n) })
  for (const message of [null, 'text', { cmd: 'NODE_CLUSTER' }, { querywarden: 2, kind: 'call' }])
    expect(() => wire.emit('to-server', message)).not.toThrow()
})
