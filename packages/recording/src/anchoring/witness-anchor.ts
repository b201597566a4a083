import { RecordingError } from '../errors.ts'
import type { Anchor, SignedCheckpoint } from './anchor.ts'
import { formatNote, parseNote, parseVerifierKey, type VerifierKey, verifyNote } from './signed-note.ts'

/** A witness answers with a few lines. */
const ANSWER_BYTES_MAX = 65_536

export interface WitnessOptions {
  /** The submission prefix: requests go to `<url>/add-checkpoint`. */
  readonly url: string
  /** Of type 4, a cosignature's: `<name>+<key id>+<base64>`. */
  readonly verifierKey: string
  /** The global one, or one with a time limit and a proxy. */
  readonly fetch: typeof globalThis.fetch
}

/**
 * Has a witness cosign checkpoints (c2sp.org/tlog-witness): it is shown, with a proof, that the log only grew since it last
 * looked. What it answers is verified, and kept beside the log.
 *
 * @throws RecordingError BAD_OPTIONS when the key is no cosignature key.
 * @example
 * witnessAnchor({ url: 'https://witness.example.com/w1', verifierKey, fetch })
 */
export function witnessAnchor(options: WitnessOptions): Anchor {
  const key = parseVerifierKey(options.verifierKey)
  if (key.kind !== 'cosignature') {
    throw new RecordingError(
      'BAD_OPTIONS',
      "a witness's key is of type 4 (Ed25519 cosignature); this is the key of a log",
    )
  }
  const witness = new Witness(options, key)
  return {
    name: `witness ${key.name}`,
    keep: async (checkpoint, growth, cosigned) => {
      const proofFrom = (size: number): readonly Uint8Array[] => growth.proofFrom(size)
      await cosigned(await witness.cosign(checkpoint, proofFrom))
    },
  }
}

class Witness {
  readonly #options: WitnessOptions
  readonly #key: VerifierKey
  /** The size that the witness cosigned last, by boot, as far as it is known here. */
  readonly #sizes = new Map<string, number>()

  constructor(options: WitnessOptions, key: VerifierKey) {
    this.#options = options
    this.#key = key
  }

  /** The witness's signature lines. */
  async cosign(
    checkpoint: SignedCheckpoint,
    proofFrom: (size: number) => readonly Uint8Array[],
  ): Promise<readonly string[]> {
    const seen = this.#sizes.get(checkpoint.boot) ?? 0
    const known = seen > checkpoint.size ? 0 : seen
    let answer = await this.#ask(checkpoint, known, proofFrom)
    if (answer.status === 409) {
      // An answer was lost, or another process speaks for the same log: it says where it stands.
      const size = this.#sizeIn(answer.text, { checkpoint, known })
      this.#sizes.set(checkpoint.boot, size)
      answer = await this.#ask(checkpoint, size, proofFrom)
    }
    if (answer.status !== 200) throw refused(this.#key.name, answer.status)
    const lines = this.#linesIn(answer.text, checkpoint)
    this.#sizes.set(checkpoint.boot, checkpoint.size)
    return lines
  }

  async #ask(
    checkpoint: SignedCheckpoint,
    from: number,
    proofFrom: (size: number) => readonly Uint8Array[],
  ): Promise<{ readonly status: number; readonly text: string }> {
    const proof = proofFrom(from).map(hash => `${Buffer.from(hash).toString('base64')}\n`)
    const body = `old ${from}\n${proof.join('')}\n${checkpoint.note}`
    const { url, fetch } = this.#options
    try {
      const response = await fetch(`${url.replace(/\/$/, '')}/add-checkpoint`, {
        method: 'POST',
        body,
        redirect: 'error',
      })
      return { status: response.status, text: await textOf(response) }
    } catch (cause) {
      if (cause instanceof RecordingError) throw cause
      throw failed(`witness \`${this.#key.name}\` can't be reached`, cause)
    }
  }

  #sizeIn(
    text: string,
    { checkpoint, known }: { readonly checkpoint: SignedCheckpoint; readonly known: number },
  ): number {
    const size = /^(0|[1-9][0-9]{0,15})\n$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(size)) throw refused(this.#key.name, 409)
    if (size === known) {
      throw failed(`witness \`${this.#key.name}\` has seen another log of ${size} entries under this origin`)
    }
    if (size > checkpoint.size) {
      throw failed(
        `witness \`${this.#key.name}\` has seen ${size} entries of this log, which now has ${checkpoint.size}`,
      )
    }
    return size
  }

  #linesIn(text: string, checkpoint: SignedCheckpoint): readonly string[] {
    try {
      const { text: signed } = parseNote(checkpoint.note)
      const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : []
      const { signatures } = verifyNote(formatNote(signed, lines), [this.#key])
      return signatures.filter(one => one.name === this.#key.name && one.keyId === this.#key.keyId).map(one => one.line)
    } catch (cause) {
      throw failed(`witness \`${this.#key.name}\` answered without its cosignature`, cause)
    }
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw failed(`its answer has more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const WHY: ReadonlyMap<number, string> = new Map([
  [403, "doesn't know the key that signs this log: give it the verifier key of the signer"],
  [404, "doesn't know this log: tell it the signer's name and verifier key"],
  [422, 'says that this log did not just grow'],
])

const refused = (name: string, status: number): RecordingError =>
  failed(`witness \`${name}\` ${WHY.get(status) ?? `answered with status ${status}`}`)

const failed = (message: string, cause?: unknown): RecordingError =>
  new RecordingError('ANCHOR_FAILED', message, cause === undefined ? undefined : { cause })
