import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  type Anchor,
  type Checkpoint,
  type CheckpointSigner,
  keySigner,
  leafHash,
  parseCheckpoint,
  parseVerifierKey,
  type SignedCheckpoint,
  verifyNote,
} from '../../src/index.ts'

export const newKey = (): string => {
  const { privateKey } = generateKeyPairSync('ed25519')
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

export const newSigner = (name = 'gateway-1.example.com'): CheckpointSigner => keySigner({ name, pem: newKey() })

/** What a signed note of a signer says. */
export const checkpointIn = (note: string, signer: CheckpointSigner): Checkpoint =>
  parseCheckpoint(verifyNote(note, [parseVerifierKey(signer.verifierKey)]).text)

/** The leaves of a log's tree, read from its file without help of what wrote it. */
export async function leavesOf(file: string): Promise<readonly Uint8Array[]> {
  const bytes = await readFile(file)
  const leaves: Uint8Array[] = []
  for (let at = 12 + bytes.readUInt32BE(8); at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    leaves.push(leafHash(bytes.subarray(at, end)))
    at = end
  }
  return leaves
}

/** An anchor that keeps what it is given in memory, and does what it is told. */
export interface TestAnchor extends Anchor {
  readonly kept: SignedCheckpoint[]
  mode: 'serve' | 'fail' | 'hang'
  tries: number
}

export function testAnchor(mode: TestAnchor['mode'] = 'serve'): TestAnchor {
  const anchor: TestAnchor = {
    name: 'test place',
    kept: [],
    mode,
    tries: 0,
    keep: async checkpoint => {
      anchor.tries += 1
      if (anchor.mode === 'hang') return new Promise<void>(() => undefined)
      if (anchor.mode === 'fail') throw new Error('it is out of reach')
      anchor.kept.push(checkpoint)
    },
  }
  return anchor
}
