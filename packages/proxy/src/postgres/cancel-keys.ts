import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

/** A session's number and secret, as its client knows them; the database's own never leave the gateway (threats E10). */
export interface CancelKey {
  readonly processId: number
  readonly secretKey: Uint8Array
}

export interface CancelKeysOptions {
  /** Which of the gateway's workers this is, 0 to 127. It is read off the session's number by `workerOf`. */
  readonly worker: number
  /** Passes on a request for a session of another worker; gives whether that one knew the key. */
  readonly elsewhere: (request: CancelKey) => Promise<boolean>
}

/** The first minor version of protocol 3 whose keys have any length. Manual 54.1.5. */
const LONG_KEYS_MINOR = 2
/** Four bytes is all that protocol 3.0 has; from 3.2 on as many as PostgreSQL 18 gives. */
const SHORT_KEY_BYTES = 4
const LONG_KEY_BYTES = 32

/** A session's number is positive in 32 bits: seven for the worker, the others at random. */
const NUMBER_BITS = 24
export const WORKERS_MAX = 128

/** Which worker's session a number belongs to. */
export const workerOf = (processId: number): number => processId >>> NUMBER_BITS

/** Hands out cancel keys and finds the session that one belongs to. */
export class CancelKeys {
  readonly #sessions = new Map<number, { readonly secretKey: Uint8Array; readonly cancel: () => void }>()
  readonly #worker: number
  readonly #elsewhere: CancelKeysOptions['elsewhere']

  constructor({ worker, elsewhere }: CancelKeysOptions) {
    if (!Number.isInteger(worker) || worker < 0 || worker >= WORKERS_MAX)
      throw new RangeError(`worker ${worker} has no number, expected 0 to ${WORKERS_MAX - 1}`)
    this.#worker = worker
    this.#elsewhere = elsewhere
  }

  /** @param minor - Of protocol 3, as agreed on with the client. */
  issue(minor: number, cancel: () => void): CancelKey {
    let processId = this.#numberAtRandom()
    while (this.#sessions.has(processId)) processId = this.#numberAtRandom()
    const secretKey = randomBytes(minor < LONG_KEYS_MINOR ? SHORT_KEY_BYTES : LONG_KEY_BYTES)
    this.#sessions.set(processId, { secretKey, cancel })
    return { processId, secretKey }
  }

  revoke({ processId }: CancelKey): void {
    this.#sessions.delete(processId)
  }

  /**
   * Cancels what the session runs, if the secret is right, and gives whether it was. The one who asked is told nothing
   * either way, as the protocol has it.
   */
  async redeem(request: CancelKey): Promise<boolean> {
    if (request.processId < 0) return false
    return workerOf(request.processId) === this.#worker ? this.redeemHere(request) : this.#elsewhere(request)
  }

  /** The same for a request that another worker passes on: whose it isn't, nobody is asked. */
  redeemHere({ processId, secretKey }: CancelKey): boolean {
    const session = this.#sessions.get(processId)
    // A length tells no more than which protocol a client speaks.
    if (session === undefined || session.secretKey.length !== secretKey.length) return false
    if (!timingSafeEqual(session.secretKey, secretKey)) return false
    session.cancel()
    return true
  }

  #numberAtRandom(): number {
    return this.#worker * 2 ** NUMBER_BITS + randomInt(1, 2 ** NUMBER_BITS)
  }
}
