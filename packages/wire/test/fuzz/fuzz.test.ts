import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BACKEND,
  decodeBackend,
  decodeFrontend,
  decodeStartup,
  encodeBackend,
  FRONTEND,
  FrameBuffer,
  FrameError,
  FrameScanner,
  StartupBuffer,
} from '../../src/postgres/index.ts'
import { readCorpus, type Seed } from './corpus.ts'
import { type FuzzResult, fuzz } from './fuzz.ts'
import { type Direction, type Trial, tryLaws } from './laws.ts'
import { minimise } from './minimise.ts'
import { scout } from './scout.ts'
import { OURS, type Subject } from './subject.ts'
import { readTrial, trialText } from './trial-text.ts'

const corpus = readCorpus(join(import.meta.dirname, 'corpus'))
const BOTH: readonly Direction[] = ['frontend', 'backend']
const ignore = (): void => undefined

const run = (subject: Subject, messagesMax: number, seed = 1): FuzzResult =>
  fuzz({ subject, seed, directions: BOTH, seeds: corpus, messagesMax })

describe('the corpus', () => {
  const trial = ({ kind, bytes }: Seed): Trial => ({
    kind,
    bytes,
    cuts: [3],
    frameBytesMax: 1 << 24,
    sound: new Set([0]),
  })

  test.each(corpus)('$source', seed => {
    const verdicts: boolean[] = []
    const broken = tryLaws(OURS, trial(seed), (_, isAccepted) => verdicts.push(isAccepted))
    if (seed.isSound) expect([broken, verdicts.includes(false)]).toEqual([null, false])
    // Either no frame came of it, or one that is refused although it is called sound.
    else
      expect([broken?.law ?? 'refused', verdicts.at(-1) ?? false]).toEqual([
        expect.stringMatching(/refused|accepted/),
        false,
      ])
  })

  test('has every kind of message', () => {
    const files = new Set(corpus.map(({ source }) => source.split('.txt')[0]))
    const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    const wanted = [
      ...Object.keys(FRONTEND).map(name => `frontend/${kebab(name)}`),
      ...Object.keys(BACKEND).map(name => `backend/${kebab(name)}`),
      ...['startup', 'ssl-request', 'gssenc-request', 'cancel-request'].map(name => `startup/${name}`),
    ]
    expect(wanted.filter(file => !files.has(file))).toEqual([])
  })
})

describe('a short run of a fixed seed', () => {
  const result = run(OURS, 20_000)

  test('E2 E3 finds that all laws hold', () => {
    expect(result.finding).toBeNull()
    expect(result.messages.frontend).toBeGreaterThanOrEqual(20_000)
    expect(result.messages.backend).toBeGreaterThanOrEqual(20_000)
  })

  test('has every message both accepted and refused', () => {
    const untried = BOTH.flatMap(direction => {
      const tags = direction === 'frontend' ? Object.entries(FRONTEND) : Object.entries(BACKEND)
      const all = direction === 'frontend' ? [...tags, ['startup', -1] as const] : tags
      return all
        .filter(([, tag]) => result.verdicts[direction].get(tag)?.every(count => count > 20) !== true)
        .map(([name]) => `${direction} ${name}`)
    })
    // A piece of a COPY may be any bytes, and a password is any bytes to some login.
    expect(untried.filter(name => !/copyData|password/.test(name))).toEqual([])
  })

  test('is the same each time', () => {
    expect(run(OURS, 2_000, 7)).toEqual(run(OURS, 2_000, 7))
    expect(run(OURS, 2_000, 7)).not.toEqual(run(OURS, 2_000, 8))
  })
})

const broken: readonly { what: string; law: RegExp; subject: Partial<Subject>; bytesMax: number }[] = [
  {
    what: 'a decoder that leaves bytes over',
    law: /same bytes/,
    bytesMax: 7,
    subject: {
      decodeBackend: ({ tag, body }) =>
        decodeBackend({ tag, body: tag === BACKEND.readyForQuery ? body.subarray(0, 1) : body }),
    },
  },
  {
    what: 'a decoder that throws what is not a FrameError',
    law: /nothing but a FrameError/,
    bytesMax: 9,
    subject: {
      decodeFrontend: (frame, stage) => {
        if (frame.tag === FRONTEND.execute && frame.body.length < 5) throw new RangeError('offset is out of bounds')
        return decodeFrontend(frame, stage)
      },
    },
  },
  {
    what: 'a decoder that mends a text',
    law: /same bytes/,
    bytesMax: 9,
    subject: {
      decodeFrontend: ({ tag, body }, stage) => {
        if (tag !== FRONTEND.query || body.at(-1) === 0) return decodeFrontend({ tag, body }, stage)
        return decodeFrontend({ tag, body: Uint8Array.of(...body, 0) }, stage)
      },
    },
  },
  {
    what: 'a decoder that refuses what is sound',
    law: /what the grammar makes is accepted/,
    bytesMax: 40,
    subject: {
      decodeBackend: frame => {
        if (frame.tag === BACKEND.notificationResponse) throw new FrameError('MALFORMED', 'too strict')
        return decodeBackend(frame)
      },
    },
  },
  {
    what: 'an encoder that refuses what was decoded',
    law: /nothing but a FrameError/,
    bytesMax: 10,
    subject: {
      encodeBackend: message => {
        if (message.kind === 'commandComplete') throw new FrameError('UNENCODABLE', 'no')
        return encodeBackend(message)
      },
    },
  },
  {
    what: 'a start-up decoder that takes the last of two',
    law: /same bytes/,
    bytesMax: 40,
    subject: {
      decodeStartup: packet => {
        try {
          return decodeStartup(packet)
        } catch (error) {
          if (error instanceof FrameError && error.message.includes('twice')) return { kind: 'ssl-request' }
          throw error
        }
      },
    },
  },
  {
    what: 'a buffer that keeps a view of the chunk',
    law: /FrameBuffer/,
    bytesMax: 12,
    subject: {
      FrameBuffer: class extends FrameBuffer {
        #chunk: Uint8Array = new Uint8Array(0)
        override push(chunk: Uint8Array): void {
          this.#chunk = chunk
          super.push(chunk)
        }
        override next(): ReturnType<FrameBuffer['next']> {
          const frame = super.next()
          if (frame === undefined || frame.bytes.length > this.#chunk.length) return frame
          return { ...frame, bytes: this.#chunk.subarray(0, frame.bytes.length) }
        }
      },
    },
  },
  {
    what: 'a buffer whose peek is early',
    law: /FrameBuffer/,
    bytesMax: 5,
    subject: {
      FrameBuffer: class extends FrameBuffer {
        override peek(): number | undefined {
          return super.peek() ?? (this.buffered > 0 ? FRONTEND.sync : undefined)
        }
      },
    },
  },
  {
    what: 'a scanner that joins in one array again and again',
    law: /FrameScanner/,
    bytesMax: 20,
    subject: {
      FrameScanner: class extends FrameScanner {
        readonly #shared = new Uint8Array(1 << 20)
        #chunk: Uint8Array = new Uint8Array(0)
        override push(chunk: Uint8Array): void {
          this.#chunk = chunk
          super.push(chunk)
        }
        override get bytes(): Uint8Array {
          const bytes = super.bytes
          if (bytes.buffer === this.#chunk.buffer) return bytes
          this.#shared.set(bytes)
          return this.#shared
        }
      },
    },
  },
  {
    what: 'a start-up buffer that eats what follows',
    law: /StartupBuffer/,
    bytesMax: 9,
    subject: {
      StartupBuffer: class extends StartupBuffer {
        override leftover(): Uint8Array {
          return super.leftover().subarray(1)
        }
      },
    },
  },
]

describe('the fuzzer finds', () => {
  test.each(broken)('$what, and few bytes that show it', ({ law, subject, bytesMax }) => {
    const ours = { ...OURS, ...subject }
    const { finding } = run(ours, 100_000)
    expect(finding?.broken.law).toMatch(law)
    const smallest = minimise(ours, finding!)
    expect(smallest.broken.law).toBe(finding?.broken.law)
    expect(tryLaws(ours, smallest.trial, ignore)).toEqual(smallest.broken)
    expect(smallest.trial.bytes.length).toBeLessThanOrEqual(bytesMax)
    const kept = readTrial(trialText(smallest.trial, ['a remark']))
    expect(kept).toEqual(smallest.trial)
  })
})

test('scouting keeps the bytes that were first to reach some code', () => {
  let ran = new Set<string>()
  const watched: Subject = {
    ...OURS,
    decodeBackend: frame => {
      const message = decodeBackend(frame)
      ran.add(message.kind)
      return message
    },
  }
  const takeBlocks = (): Set<string> => {
    const taken = ran
    ran = new Set()
    return taken
  }
  const { kept, blocks, finding } = scout({
    subject: watched,
    seed: 3,
    directions: ['backend'],
    seeds: [],
    takeBlocks,
    idleBatchesMax: 2,
    batchesMax: 20,
  })
  expect(finding).toBeNull()
  expect(blocks).toBe(Object.keys(BACKEND).length)
  for (const { bytes, kind } of kept) {
    tryLaws(watched, { kind, bytes, cuts: [], frameBytesMax: 1 << 22, sound: new Set() }, ignore)
  }
  expect(takeBlocks().size).toBe(blocks)
  expect(kept.length).toBeLessThanOrEqual(blocks)
})
