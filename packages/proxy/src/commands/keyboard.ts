import type { Key } from './replay-player.ts'

/** Keys of a terminal, one by one, without Enter. */
export interface Keyboard {
  readonly keyWithin: (ms: number) => Promise<Key | null>
  /** Gives the terminal back as it was. */
  readonly close: () => void
}

const KEYS: ReadonlyMap<string, Key> = new Map([
  [' ', 'pause'],
  ['+', 'faster'],
  ['=', 'faster'],
  ['-', 'slower'],
  ['n', 'next'],
  // → in both modes that terminals have for cursor keys (ECMA-48 CUF, and SS3 C).
  ['\u001b[C', 'next'],
  ['\u001bOC', 'next'],
  ['q', 'quit'],
  // In raw mode Ctrl-C is a character like others.
  ['\u0003', 'quit'],
])

// An escape sequence comes whole; of several keys that come at once each is one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what such a sequence begins with
const ONE_KEY = /\u001b[[O][A-Z]|[\s\S]/g

/** Reads keys of a terminal until it is closed. */
export function openKeyboard(input: NodeJS.ReadStream): Keyboard {
  const pressed: Key[] = []
  let waiting: ((key: Key) => void) | null = null
  const onData = (data: Buffer): void => {
    for (const [text] of data.toString('latin1').matchAll(ONE_KEY)) {
      const key = KEYS.get(text)
      if (key === undefined) continue
      if (waiting === null) pressed.push(key)
      else waiting(key)
    }
  }
  input.setRawMode(true)
  input.on('data', onData)
  input.resume()
  return {
    keyWithin: ms =>
      new Promise(resolve => {
        const first = pressed.shift()
        if (first !== undefined) return resolve(first)
        const timer = setTimeout(() => settle(null), ms)
        const settle = (key: Key | null): void => {
          clearTimeout(timer)
          waiting = null
          resolve(key)
        }
        waiting = settle
      }),
    close: () => {
      input.off('data', onData)
      input.setRawMode(false)
      input.pause()
    },
  }
}
