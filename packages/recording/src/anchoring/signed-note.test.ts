import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafHash } from '../format/chain.ts'
import { formatCheckpoint, parseCheckpoint, partsOfOrigin } from './checkpoint.ts'
import { keySigner } from './checkpoint-signer.ts'
import { rootOf } from './merkle-tree.ts'
import {
  cosignedMessage,
  formatNote,
  parseNote,
  parseVerifierKey,
  signatureLine,
  type VerifierKey,
  verifierKey,
  verifyNote,
} from './signed-note.ts'

/** The example that golang.org/x/mod/sumdb/note has in its documentation and tests. */
const KNOWN = {
  key: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  note: `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`,
}

interface Signer {
  readonly key: VerifierKey
  readonly sign: (text: string) => string
}

const rawKey = (key: KeyObject): Uint8Array => key.export({ format: 'der', type: 'spki' }).subarray(-32)

function signer(name: string): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = verifierKey({ name, kind: 'ed25519', publicKey: rawKey(publicKey) })
  return { key, sign: text => signatureLine(key, sign(null, Buffer.from(text), privateKey)) }
}

function witness(name: string): {
  readonly key: VerifierKey
  readonly sign: (text: string, seconds: bigint) => string
} {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = verifierKey({ name, kind: 'cosignature', publicKey: rawKey(publicKey) })
  return {
    key,
    sign: (text, seconds) => {
      const time = Buffer.alloc(8)
      time.writeBigUInt64BE(seconds)
      return signatureLine(key, Buffer.concat([time, sign(null, cosignedMessage(text, seconds), privateKey)]))
    },
  }
}

const malformed = expect.objectContaining({ name: 'RecordingError', code: 'MALFORMED' })
const forged = expect.objectContaining({ name: 'RecordingError', code: 'FORGED' })
const [alice, bob] = [signer('alice.example.com'), signer('bob.example.com')]
const TEXT = 'alice.example.com/b-1\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

describe('a note that others wrote', () => {
  test('verifies under its key', () => {
    const key = parseVerifierKey(KNOWN.key)
    expect(key).toMatchObject({ name: 'PeterNeumann', keyId: 0xc74f20a3, kind: 'ed25519', text: KNOWN.key })
    expect(verifyNote(KNOWN.note, [key]).verified).toEqual([{ key, at: null }])
    expect(verifyNote(Buffer.from(KNOWN.note), [key]).text).toMatch(/^If you think .*\n.*problem is\.\n$/)
  })

  test('is put together again byte for byte', () => {
    const { text, signatures } = parseNote(KNOWN.note)
    expect(
      formatNote(
        text,
        signatures.map(one => one.line),
      ),
    ).toBe(KNOWN.note)
  })

  test('R1: with any byte changed is refused', () => {
    const key = parseVerifierKey(KNOWN.key)
    const bytes = Buffer.from(KNOWN.note)
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(() => verifyNote(changed, [key]), `byte ${i}`).toThrow(expect.objectContaining({ name: 'RecordingError' }))
    }
  })

  test('R1: cut anywhere is refused', () => {
    const key = parseVerifierKey(KNOWN.key)
    for (let end = 0; end < KNOWN.note.length; end++) {
      expect(() => verifyNote(KNOWN.note.slice(0, end), [key])).toThrow(
        expect.objectContaining({ name: 'RecordingError' }),
      )
    }
  })
})

describe('signatures', () => {
  test('of keys that are not known are ignored, also under a name or an id that is', () => {
    const mallory = signer('alice.example.com')
    const sameId = { name: 'mallory.example.com', keyId: alice.key.keyId }
    const note = formatNote(TEXT, [mallory.sign(TEXT), signatureLine(sameId, new Uint8Array(64)), alice.sign(TEXT)])
    expect(verifyNote(note, [alice.key]).verified.map(one => one.key)).toEqual([alice.key])
  })

  test('by no known key is no note', () => {
    expect(() => verifyNote(formatNote(TEXT, [bob.sign(TEXT)]), [alice.key])).toThrow(forged)
    expect(() => verifyNote(formatNote(TEXT, [bob.sign(TEXT)]), [])).toThrow(forged)
  })

  test('that is wrong under a known key refuses the note, whoever else signed it', () => {
    const wrong = signatureLine(alice.key, new Uint8Array(64))
    expect(() => verifyNote(formatNote(TEXT, [bob.sign(TEXT), wrong]), [alice.key, bob.key])).toThrow(forged)
    expect(() => verifyNote(formatNote(TEXT, [alice.sign('another text\n')]), [alice.key])).toThrow(forged)
    expect(() => verifyNote(formatNote(TEXT, [signatureLine(alice.key, new Uint8Array(63))]), [alice.key])).toThrow(
      forged,
    )
  })

  test('twice by one key count once', () => {
    const note = formatNote(TEXT, [alice.sign(TEXT), alice.sign(TEXT), bob.sign(TEXT)])
    expect(verifyNote(note, [alice.key, bob.key]).verified.map(one => one.key)).toEqual([alice.key, bob.key])
  })

  test('of a witness count with their time, and only over the text with that time', () => {
    const eve = witness('witness.example.com/w1')
    const line = eve.sign(TEXT, 1_800_000_000n)
    const note = formatNote(TEXT, [alice.sign(TEXT), line])
    expect(verifyNote(note, [alice.key, eve.key]).verified).toEqual([
      { key: alice.key, at: null },
      { key: eve.key, at: 1_800_000_000_000 },
    ])
    const [dash = '', name = '', base64 = ''] = line.split(' ')
    const bytes = Buffer.from(base64, 'base64')
    bytes.writeBigUInt64BE(1_800_000_001n, 4)
    const moved = [dash, name, bytes.toString('base64')].join(' ')
    expect(() => verifyNote(formatNote(TEXT, [moved]), [eve.key])).toThrow(forged)
    expect(() => verifyNote(formatNote(TEXT, [eve.sign(TEXT, 1n << 62n)]), [eve.key])).toThrow(forged)
    // A witness's key is no key of a log, though it is the same 32 bytes.
    const asLog = verifierKey({ name: eve.key.name, kind: 'ed25519', publicKey: eve.key.publicKey })
    expect(() => verifyNote(note, [asLog])).toThrow(forged)
  })

  test('are read up to 100', () => {
    const many = (count: number): string =>
      formatNote(
        TEXT,
        Array.from({ length: count }, () => alice.sign(TEXT)),
      )
    expect(verifyNote(many(100), [alice.key]).signatures).toHaveLength(100)
    expect(() => parseNote(many(101))).toThrow(malformed)
  })
})

test.each([
  ['nothing', ''],
  ['no signature', 'text\n\n'],
  ['no empty line', 'text\n\u2014 a AAAAAAA=\n'],
  ['no end of line', 'text\n\n\u2014 a AAAAAAA='],
  ['a hyphen for a dash', 'text\n\n- a AAAAAAA=\n'],
  ['no name', 'text\n\n\u2014  AAAAAAA=\n'],
  ['a plus in the name', 'text\n\n\u2014 a+b AAAAAAA=\n'],
  ['a wide space in the name', 'text\n\n\u2014 a\u2003b AAAAAAA=\n'],
  ['no signature after the id', 'text\n\n\u2014 a AAAAAA==\n'],
  ['base64 that is not canonical', 'text\n\n\u2014 a AAAAAAB=\n'],
  ['base64 for web addresses', 'text\n\n\u2014 a AAAAAA-=\n'],
  ['text after the signatures', 'text\n\n\u2014 a AAAAAAA=\nmore\n'],
  ['a control character', 'te\u0007xt\n\n\u2014 a AAAAAAA=\n'],
  ['a carriage return', 'text\r\n\n\u2014 a AAAAAAA=\n'],
  ['half a character', 'te\ud800xt\n\n\u2014 a AAAAAAA=\n'],
  ['too much', `${'t'.repeat(70_000)}\n\n\u2014 a AAAAAAA=\n`],
])('is no signed note: %s', (_, note) => {
  expect(() => parseNote(note)).toThrow(malformed)
})

test('bytes that are no UTF-8 are no signed note', () => {
  expect(() => parseNote(Buffer.concat([Buffer.of(0xff), Buffer.from(KNOWN.note)]))).toThrow(malformed)
})

test('whatever the bytes are, a note is read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      try {
        parseNote(bytes)
      } catch (error) {
        expect(error).toMatchObject({ name: 'RecordingError', code: 'MALFORMED' })
      }
    }),
  )
})

test('what was put together is taken apart, empty lines in the text and all', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ -~äß]{0,12}$/), { minLength: 1, maxLength: 6 }), lines => {
      const text = `${lines.join('\n')}\n`
      const { verified, text: read } = verifyNote(formatNote(text, [alice.sign(text)]), [alice.key])
      expect(read).toBe(text)
      expect(verified).toHaveLength(1)
    }),
    { numRuns: 50 },
  )
})

test.each([
  ['an id of another key', alice.key.text.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
  ['another name', alice.key.text.replace('alice', 'alicia')],
  ['a short key', 'a+00000000+AQID'],
  ['an unknown type', `a+00000000+${Buffer.concat([Buffer.of(2), new Uint8Array(32)]).toString('base64')}`],
  ['no parts', 'a'],
  ['a space in the name', alice.key.text.replace('alice', 'al ice')],
])('is no verifier key: %s', (_, text) => {
  expect(() => parseVerifierKey(text)).toThrow(expect.objectContaining({ code: 'BAD_OPTIONS' }))
})

test('the vector of docs/recording-format.md is what comes of its key and frames', async () => {
  const page = await readFile(new URL('../../../../docs/recording-format.md', import.meta.url), 'utf8')
  const [, written = '', note = ''] = /```\nverifier key (\S+)\n\n([\s\S]*?\n)```/.exec(page) ?? []
  const seed = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
  const by = keySigner({ name: 'gateway.example.com', pem })
  const root = rootOf(['a', 'b', 'c'].map(frame => leafHash(Buffer.from(frame))))
  const text = formatCheckpoint({ origin: 'gateway.example.com/boot-1', size: 3, root })
  expect(by.verifierKey).toBe(written)
  const line = signatureLine(parseVerifierKey(written), await by.sign(Buffer.from(text)))
  expect(formatNote(text, [line])).toBe(note)
})

describe('a checkpoint', () => {
  test('is the one that its text says', () => {
    const checkpoint = parseCheckpoint(TEXT)
    expect(checkpoint).toMatchObject({ origin: 'alice.example.com/b-1', size: 7 })
    expect(formatCheckpoint(checkpoint)).toBe(TEXT)
    expect(partsOfOrigin(checkpoint.origin)).toEqual({ name: 'alice.example.com', boot: 'b-1' })
    expect(parseCheckpoint(`${TEXT}more\n`).size).toBe(7)
  })

  test.each([
    ['two lines', 'a/b\n7\n'],
    ['no origin', TEXT.replace(/^.*\n/, '\n')],
    ['a leading zero', TEXT.replace('\n7\n', '\n07\n')],
    ['a sign', TEXT.replace('\n7\n', '\n+7\n')],
    ['too many entries to count', TEXT.replace('\n7\n', '\n9999999999999999\n')],
    ['a short root', TEXT.replace('CsUY', '')],
    ['an empty line', `${TEXT}\n`],
    ['no end of line', TEXT.slice(0, -1)],
  ])('is none with %s', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(malformed)
  })

  test.each(['b', '/b', 'a b/c', 'a/b c', 'a/', 'a/../b/.'])('has no origin of ours in %s', origin => {
    expect(partsOfOrigin(origin)).toBeNull()
  })
})
