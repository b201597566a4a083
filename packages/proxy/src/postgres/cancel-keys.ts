import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

/** A session's number and secret, as its client knows them; the database's own never leave the gateway (threats E10). */
export interface CancelKey {
  readonly processId: number
  readonly secretKey: Uint8Array
}

/** Four bytes is all that protocol 3.0 has. */
const KEY_BYTES = 4

/** Hands out cancel keys and finds the session that one belongs to. */
export class CancelKeys {
  readonly #sessions = new Map<number, { readonly secretKey: Uint8Array; readonly cancel: () => void }>()

  issue(cancel: () => void): CancelKey {
    let processId = randomInt(1, 2 ** 31 - 1)
    while (this.#sessions.has(processId)) processId = randomInt(1, 2 ** 31 - 1)
    const secretKey = randomBytes(KEY_BYTES)
    this.#sessions.set(processId, { secretKey, cancel })
    return { processId, secretKey }
  }

  revoke({ processId }: CancelKey): void {
    this.#sessions.delete(processId)
  }

  /** Cancels what the session runs, if the secret is right. Says nothing either way, as the protocol has it. */
  redeem({ processId, secretKey }: CancelKey): void {
    const session = this.#sessions.get(processId)
    const isRight =
      session !== undefined && secretKey.length === KEY_BYTES && timingSafeEqual(session.secretKey, secretKey)
    if (isRight) session.cancel()
  }
}
