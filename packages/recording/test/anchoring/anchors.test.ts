import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startWitness, type WitnessServer } from '@querywarden/dev-servers'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { formatCheckpoint } from '../../src/anchoring/checkpoint.ts'
import { MerkleLog } from '../../src/anchoring/merkle-log.ts'
import { formatNote, signatureLine } from '../../src/anchoring/signed-note.ts'
import {
  type Anchor,
  type CheckpointSigner,
  cosignedCheckpoints,
  fileRecorder,
  folderAnchor,
  folderAnchorSource,
  leafHash,
  noteFileSource,
  parseNote,
  parseVerifierKey,
  readAnchors,
  type SignedCheckpoint,
  verifyNote,
  witnessAnchor,
} from '../../src/index.ts'
import { opening, optionsFor, temporaryDir } from '../fixtures.ts'
import { newSigner } from './anchoring-fixtures.ts'

const signer = newSigner()
const keys = [parseVerifierKey(signer.verifierKey)]
const BOOT = 'boot-1'

/** A log of a test's own, whose every size can be signed. */
class TestLog {
  readonly tree = new MerkleLog()
  readonly #by: CheckpointSigner

  constructor(by: CheckpointSigner = signer) {
    this.#by = by
  }
  grow(to: number, entry: (i: number) => string = i => `entry ${i}`): this {
    while (this.tree.size < to) this.tree.append(leafHash(Buffer.from(entry(this.tree.size))))
    return this
  }
  async checkpoint(): Promise<SignedCheckpoint> {
    const [size, root] = [this.tree.pin(), this.tree.root()]
    const text = formatCheckpoint({ origin: `${this.#by.name}/${BOOT}`, size, root })
    const key = parseVerifierKey(this.#by.verifierKey)
    return {
      boot: BOOT,
      size,
      root,
      note: formatNote(text, [signatureLine(key, await this.#by.sign(Buffer.from(text)))]),
    }
  }
}

/** Hands a log's state to an anchor; gives what witnesses signed. */
async function keep(anchor: Anchor, log: TestLog): Promise<readonly string[]> {
  let signed: readonly string[] = []
  await anchor.keep(await log.checkpoint(), log.tree, async lines => {
    signed = lines
  })
  return signed
}

const failure = (message: RegExp) => ({
  name: 'RecordingError',
  code: 'ANCHOR_FAILED',
  message: expect.stringMatching(message),
})

describe('a folder', () => {
  test('keeps each checkpoint under its boot and size, once, and gives back the newest first', async () => {
    const dir = await temporaryDir()
    const [anchor, log] = [folderAnchor(dir), new TestLog()]
    for (const size of [3, 3, 12, 7_000]) await keep(anchor, log.grow(size))
    expect((await readdir(join(dir, BOOT))).sort()).toEqual([
      '00000000000000000003.checkpoint',
      '00000000000000000012.checkpoint',
      '00000000000000007000.checkpoint',
    ])
    const { logs, refused } = await readAnchors([folderAnchorSource(dir)], keys)
    expect(refused).toEqual([])
    expect(logs.get(BOOT)?.map(({ size }) => size)).toEqual([3, 12, 7_000])
    const file = join(dir, BOOT, '00000000000000000012.checkpoint')
    expect((await readAnchors([noteFileSource(file)], keys)).logs.get(BOOT)?.[0]?.size).toBe(12)
  })

  test('R1: takes no other checkpoint of a size that it has', async () => {
    const dir = await temporaryDir()
    const anchor = folderAnchor(dir)
    await keep(anchor, new TestLog().grow(3))
    const other = new TestLog().grow(3, i => `other ${i}`)
    await expect(keep(anchor, other)).rejects.toMatchObject(failure(/holds another checkpoint of the same size/))
  })

  test('completes what a try that was cut short left', async () => {
    const dir = await temporaryDir()
    const log = new TestLog().grow(3)
    const { note } = await log.checkpoint()
    for (const bytes of [0, 1, 40, note.length - 1]) {
      const file = join(dir, BOOT, '00000000000000000003.checkpoint')
      await mkdir(join(dir, BOOT), { recursive: true })
      await writeFile(file, Buffer.from(note).subarray(0, bytes))
      await keep(folderAnchor(dir), log)
      expect(await readFile(file, 'utf8')).toBe(note)
    }
  })

  test('that is not there is not made: it may be a mount that is missing', async () => {
    const dir = join(await temporaryDir(), 'mount')
    await expect(keep(folderAnchor(dir), new TestLog().grow(1))).rejects.toMatchObject(failure(/ENOENT/))
    await expect(readAnchors([folderAnchorSource(dir)], keys)).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
    await expect(readAnchors([noteFileSource(dir)], keys)).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
  })

  test('R1: what somebody else put there is reported, and not believed', async () => {
    const dir = await temporaryDir()
    await keep(folderAnchor(dir), new TestLog().grow(3))
    const [good, forged] = [
      await new TestLog().grow(4).checkpoint(),
      await new TestLog(newSigner()).grow(5).checkpoint(),
    ]
    const put = async (boot: string, size: number, note: string): Promise<void> => {
      await mkdir(join(dir, boot), { recursive: true })
      await writeFile(join(dir, boot, `${String(size).padStart(20, '0')}.checkpoint`), note)
    }
    await put(BOOT, 5, forged.note)
    await put(BOOT, 6, 'nothing')
    await put('boot-2', 4, good.note)
    await put(BOOT, 7, good.note.replace('\n4\n', '\n7\n'))
    await writeFile(join(dir, 'readme'), 'not a boot')
    const { logs, refused } = await readAnchors([folderAnchorSource(dir)], keys)
    expect([...logs].map(([boot, heads]) => [boot, heads.map(({ size }) => size)])).toEqual([[BOOT, [3]]])
    expect(refused.map(({ boot, why }) => `${boot}: ${why}`)).toEqual([
      `${BOOT}: the signature of \`gateway-1.example.com\` under this note is wrong`,
      `${BOOT}: this signed note has no empty line between text and signatures`,
      `${BOOT}: no key that is known has signed this note`,
      'boot-2: this checkpoint is of another log than it is kept for',
    ])
  })

  test('R1: a key says nothing about the logs of another name', async () => {
    const dir = await temporaryDir()
    const other = newSigner('gateway-2.example.com')
    await keep(folderAnchor(dir), new TestLog({ ...other, name: signer.name }).grow(2))
    const { logs, refused } = await readAnchors(
      [folderAnchorSource(dir)],
      [...keys, parseVerifierKey(other.verifierKey)],
    )
    expect(logs.size).toBe(0)
    expect(refused[0]?.why).toBe("this checkpoint isn't signed by `gateway-1.example.com`, whose log it is of")
  })
})

describe('a witness', () => {
  const origin = `${signer.name}/${BOOT}`
  const started: WitnessServer[] = []
  let witness: WitnessServer
  let anchor: Anchor
  beforeEach(async () => {
    witness = await startWitness({ logKeys: [signer.verifierKey] })
    started.push(witness)
    anchor = witnessAnchor({ url: `${witness.url}/`, verifierKey: witness.verifierKey, fetch })
  })
  afterAll(async () => {
    await Promise.all(started.map(one => one.stop()))
  })

  test('cosigns a log that grows, at any sizes', async () => {
    const log = new TestLog()
    for (const size of [1, 2, 3, 8, 255, 256, 257, 1_000, 1_024, 5_000]) {
      const lines = await keep(anchor, log.grow(size))
      expect(witness.sizeOf(origin)).toBe(size)
      const { text } = parseNote((await log.checkpoint()).note)
      const { verified } = verifyNote(formatNote(text, lines), [parseVerifierKey(witness.verifierKey)])
      expect(verified[0]?.at).toBeGreaterThan(Date.UTC(2020, 0, 1))
    }
    expect(witness.requests()).toBe(10)
  })

  test('is shown the growth since what it saw last, where its answers were lost', async () => {
    const log = new TestLog()
    await keep(anchor, log.grow(5))
    witness.mode('lose')
    await expect(keep(anchor, log.grow(9))).rejects.toMatchObject(failure(/can't be reached/))
    expect(witness.sizeOf(origin)).toBe(9)
    witness.mode('serve')
    await keep(anchor, log.grow(300))
    expect(witness.sizeOf(origin)).toBe(300)
    // Of the same size once more, as after the cosignature could not be written down.
    expect(await keep(anchor, log)).toHaveLength(1)
  })

  test('R1: cosigns no log that was rewritten, not even by whoever has the key', async () => {
    await keep(anchor, new TestLog().grow(20))
    const rewritten = new TestLog().grow(40, i => (i === 7 ? 'another entry' : `entry ${i}`))
    await expect(keep(anchor, rewritten)).rejects.toMatchObject(failure(/says that this log did not just grow/))
    const fresh = witnessAnchor({ url: witness.url, verifierKey: witness.verifierKey, fetch })
    await expect(keep(fresh, rewritten)).rejects.toMatchObject(failure(/says that this log did not just grow/))
    const sameSize = new TestLog().grow(20, i => `other ${i}`)
    await expect(keep(anchor, sameSize)).rejects.toMatchObject(failure(/has seen another log of 20 entries/))
    const rolledBack = new TestLog().grow(12)
    await expect(keep(fresh, rolledBack)).rejects.toMatchObject(
      failure(/has seen 20 entries of this log, which now has 12/),
    )
    expect(witness.sizeOf(origin)).toBe(20)
  })

  test('answers nothing that counts for a log or a key that it does not know', async () => {
    const stranger = new TestLog(newSigner('gateway-2.example.com')).grow(2)
    await expect(keep(anchor, stranger)).rejects.toMatchObject(failure(/doesn't know this log/))
    const impostor = new TestLog(newSigner()).grow(2)
    await expect(keep(anchor, impostor)).rejects.toMatchObject(failure(/doesn't know the key/))
    witness.mode('fail')
    await expect(keep(anchor, new TestLog().grow(2))).rejects.toMatchObject(failure(/status 503/))
  })

  test('R1: is believed under its own key alone', async () => {
    const other = await startWitness({ logKeys: [signer.verifierKey] })
    started.push(other)
    const wrong = witnessAnchor({ url: other.url, verifierKey: witness.verifierKey, fetch })
    await expect(keep(wrong, new TestLog().grow(2))).rejects.toMatchObject(failure(/without its cosignature/))
    expect(() => witnessAnchor({ url: other.url, verifierKey: signer.verifierKey, fetch })).toThrow(
      expect.objectContaining({ code: 'BAD_OPTIONS' }),
    )
  })

  test.each([
    ['nothing', () => new Response('')],
    ['no size', () => new Response('many\n', { status: 409 })],
    ['too much', () => new Response('x'.repeat(100_000))],
    ['another note', () => new Response('\u2014 a AAAAAAA=\n')],
  ])('that answers %s has not cosigned', async (_, answer) => {
    const odd = witnessAnchor({ url: witness.url, verifierKey: witness.verifierKey, fetch: async () => answer() })
    await expect(keep(odd, new TestLog().grow(2))).rejects.toMatchObject(failure(/.*/))
  })

  test('leaves its cosignature beside the log of a recorder, where it counts by its own key', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(
      optionsFor(dir, { checkpoints: { signer, anchors: [anchor], everyMs: 20, graceMs: 60_000 } }),
    )
    const session = await recorder.record(opening())
    await session.close('client-left')
    await recorder.close()
    const cosigner = parseVerifierKey(witness.verifierKey)
    const name = `checkpoint.${cosigner.keyId.toString(16).padStart(8, '0')}`
    const source = noteFileSource(join(dir, recorder.boot, name))
    const { logs, refused } = await readAnchors([{ ...source, cosigners: [cosigner] }], keys)
    expect(refused).toEqual([])
    expect(logs.get(recorder.boot)).toEqual([
      expect.objectContaining({
        size: witness.sizeOf(`${signer.name}/${recorder.boot}`),
        witnesses: [expect.objectContaining({ name: 'witness.example.com/w1' })],
      }),
    ])
    expect(recorder.anchors()).toEqual([
      { anchor: 'witness witness.example.com/w1', size: expect.any(Number), lagMs: 0, failure: null, failures: 0 },
    ])
    const all = await readAnchors([cosignedCheckpoints(dir, [witness.verifierKey])], keys)
    expect(all.refused).toEqual([])
    expect(all.logs.get(recorder.boot)?.[0]?.size).toBe(witness.sizeOf(`${signer.name}/${recorder.boot}`))
    expect(() => cosignedCheckpoints(dir, [signer.verifierKey])).toThrow(
      expect.objectContaining({ code: 'BAD_OPTIONS' }),
    )
    // Put there under the witness's name by somebody whom it never saw.
    await writeFile(join(dir, recorder.boot, name), await readFile(join(dir, recorder.boot, 'checkpoint')))
    const forged = await readAnchors([cosignedCheckpoints(dir, [witness.verifierKey])], keys)
    expect([forged.logs.size, forged.refused.length]).toEqual([0, 1])
    const plain = noteFileSource(join(dir, recorder.boot, 'checkpoint'))
    const without = await readAnchors([{ ...plain, cosigners: [cosigner] }], keys)
    expect(without.refused[0]?.why).toBe('no witness has cosigned this checkpoint')
  })
})
