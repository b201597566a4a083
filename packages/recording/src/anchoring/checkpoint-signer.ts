import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { RecordingError } from '../errors.ts'
import type { CheckpointSigner } from './anchor.ts'
import { decodeBase64, parseVerifierKey, type VerifierKey, verifierKey, verifyEd25519 } from './signed-note.ts'

const PUBLIC_KEY_BYTES = 32
/** A signature in base64 has 88 characters; a program may add a line's end. */
const OUTPUT_BYTES_MAX = 1_024

/**
 * Runs a program without a shell: the first of `command` is the program, the others its arguments. Gives what it wrote to
 * its standard output; rejects when it can't be started, fails, takes longer, or writes more.
 */
export type RunCommand = (
  command: readonly string[],
  run: { readonly input: Uint8Array; readonly timeMsMax: number; readonly outputBytesMax: number },
) => Promise<Uint8Array>

/**
 * Signs with an Ed25519 key in this process.
 *
 * @param key.pem - PKCS #8 (RFC 5958) in PEM, not encrypted.
 * @throws RecordingError BAD_OPTIONS when it is no such key, or the name none.
 * @example
 * const signer = keySigner({ name: 'gateway-1.example.com', pem: await readFile('checkpoint.key', 'utf8') })
 */
export function keySigner(key: { readonly name: string; readonly pem: string }): CheckpointSigner {
  const privateKey = readPrivateKey(key.pem)
  const verifier = verifierKey({ name: key.name, kind: 'ed25519', publicKey: rawPublicKey(privateKey) })
  return {
    name: verifier.name,
    verifierKey: verifier.text,
    sign: async text => sign(null, text, privateKey),
  }
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    throw new RecordingError('BAD_OPTIONS', `the checkpoint key can't be read; expected ${EXPECTED_KEY}`)
  }
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new RecordingError('BAD_OPTIONS', `the checkpoint key is of another type; expected ${EXPECTED_KEY}`)
}

const EXPECTED_KEY = 'an Ed25519 key in PKCS #8 PEM, as `querywarden keys new checkpoint` makes it'

/** The last 32 bytes of SubjectPublicKeyInfo (RFC 8410 section 4). */
const rawPublicKey = (key: KeyObject): Uint8Array =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_KEY_BYTES)

/**
 * Has checkpoints signed by a program, so that the key need not be in this process, nor readable by its user: it gets the
 * text on standard input, and writes the 64 bytes of the signature in base64. What it writes is verified before it is used.
 *
 * @throws RecordingError BAD_OPTIONS when the command is empty, or the key no Ed25519 verifier key.
 * @example
 * commandSigner({ command: ['/usr/local/bin/sign', '--key', '7'], verifierKey, timeMsMax: 10_000, runCommand })
 */
export function commandSigner(options: {
  readonly command: readonly string[]
  /** What its signatures verify under: `<name>+<key id>+<base64>`. */
  readonly verifierKey: string
  readonly timeMsMax: number
  readonly runCommand: RunCommand
}): CheckpointSigner {
  const { command, timeMsMax, runCommand } = options
  const key = parseVerifierKey(options.verifierKey)
  if (key.kind !== 'ed25519')
    throw new RecordingError('BAD_OPTIONS', "a log's checkpoints are signed by a key of type 1 (Ed25519)")
  if (command[0] === undefined || command[0] === '') {
    throw new RecordingError(
      'BAD_OPTIONS',
      'the command that signs checkpoints is empty; expected a program and its arguments',
    )
  }
  return {
    name: key.name,
    verifierKey: key.text,
    sign: async text => {
      const output = await runCommand(command, { input: text, timeMsMax, outputBytesMax: OUTPUT_BYTES_MAX }).catch(
        (cause: unknown) => {
          throw new RecordingError('SIGNING_FAILED', `the command that signs checkpoints failed: ${reasonOf(cause)}`, {
            cause,
          })
        },
      )
      return checkedSignature(key, text, output)
    },
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : 'unknown error')

function checkedSignature(key: VerifierKey, text: Uint8Array, output: Uint8Array): Uint8Array {
  const signature = decodeBase64(Buffer.from(output).toString('latin1').trim())
  if (signature === null)
    throw new RecordingError('SIGNING_FAILED', 'the command that signs checkpoints wrote no base64')
  if (!verifyEd25519(key.publicKey, text, signature)) {
    throw new RecordingError(
      'SIGNING_FAILED',
      `what the command wrote is no signature by \`${key.name}\`: it uses another key`,
    )
  }
  return signature
}
