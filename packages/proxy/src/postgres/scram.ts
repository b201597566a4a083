import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { LoginMethod } from '../config/config.ts'
import { UpstreamError } from './upstream-error.ts'

/** On a thread of its own: nobody else waits for it. */
const derive = promisify(pbkdf2)

/** A hostile server could name billions of rounds (PgBouncer CVE-2026-6669); PostgreSQL's default is 4096. */
const ITERATIONS_MAX = 100_000
const NONCE_CHARS_MAX = 1_024
/** Of a server's SCRAM message: nonce, salt and rounds, each with room to spare. */
const MESSAGE_BYTES_MAX = 4_096

/** The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), which also proves the server to us. */
export interface ScramClient {
  readonly mechanism: Mechanism
  readonly first: () => Uint8Array
  readonly answer: (serverFirst: Uint8Array) => Promise<Uint8Array>
  /** Throws unless the server knows the password too. */
  readonly verify: (serverFinal: Uint8Array) => void
}

type Mechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'

export interface ScramOptions {
  readonly password: string
  readonly nonce: string
  readonly offered: readonly string[]
  readonly allowed: readonly LoginMethod[]
  /** The hash of the server's certificate for `tls-server-end-point` (RFC 5929), or null where there is none. */
  readonly binding: Uint8Array | null
}

/** @throws {UpstreamError} `AUTHENTICATION`, here and from what it gives: the server doesn't keep to what is asked of it. */
export function scramClient({ password, nonce, offered, allowed, binding }: ScramOptions): ScramClient {
  const { mechanism, header, channel } = choose(offered, allowed, binding)
  // PostgreSQL takes the user name from the start-up packet and ignores this one.
  const firstBare = `n=,r=${nonce}`
  let serverSignature: Buffer | null = null

  return {
    mechanism,
    first: () => Buffer.from(header + firstBare),
    answer: async serverFirst => {
      const text = bounded(serverFirst)
      const { salt, iterations, fullNonce } = readServerFirst(text, nonce)
      const bound = Buffer.concat([Buffer.from(header), channel])
      const withoutProof = `c=${bound.toString('base64')},r=${fullNonce}`
      const salted = await derive(password.normalize('NFKC'), salt, iterations, 32, 'sha256')
      const authMessage = `${firstBare},${text},${withoutProof}`
      const clientKey = hmac(salted, 'Client Key')
      const signature = hmac(sha256(clientKey), authMessage)
      serverSignature = hmac(hmac(salted, 'Server Key'), authMessage)
      return Buffer.from(`${withoutProof},p=${xor(clientKey, signature).toString('base64')}`)
    },
    verify: serverFinal => {
      const given = /^v=([A-Za-z0-9+/=]+)$/.exec(bounded(serverFinal))?.[1]
      const signature = Buffer.from(given ?? '', 'base64')
      if (
        serverSignature === null ||
        signature.length !== serverSignature.length ||
        !timingSafeEqual(signature, serverSignature)
      ) {
        throw refused("the database did not prove that it knows the gateway's password")
      }
    },
  }
}

/**
 * PLUS where both sides have it. Where the gateway could and the server doesn't offer it, the `y` flag lets an honest
 * server notice that somebody removed it from the offer (RFC 5802, section 6).
 */
function choose(
  offered: readonly string[],
  allowed: readonly LoginMethod[],
  binding: Uint8Array | null,
): { readonly mechanism: Mechanism; readonly header: string; readonly channel: Uint8Array } {
  const canBind = binding !== null && allowed.includes('scram-sha-256-plus')
  if (canBind && offered.includes('SCRAM-SHA-256-PLUS'))
    return { mechanism: 'SCRAM-SHA-256-PLUS', header: 'p=tls-server-end-point,,', channel: binding }
  if (!allowed.includes('scram-sha-256')) {
    throw refused(
      binding === null
        ? 'the target asks for scram-sha-256-plus, and there is no certificate that the login could be bound to'
        : 'the target asks for scram-sha-256-plus, and the database does not offer it',
    )
  }
  if (!offered.includes('SCRAM-SHA-256'))
    throw refused('the database offers no SCRAM-SHA-256 login, and the gateway sends no weaker one')
  return { mechanism: 'SCRAM-SHA-256', header: canBind ? 'y,,' : 'n,,', channel: new Uint8Array() }
}

function bounded(message: Uint8Array): string {
  if (message.length <= MESSAGE_BYTES_MAX) return Buffer.from(message).toString('utf8')
  throw refused(`the database sent a malformed challenge: of ${message.length} bytes, more than ${MESSAGE_BYTES_MAX}`)
}

function readServerFirst(text: string, nonce: string): { salt: Buffer; iterations: number; fullNonce: string } {
  const parts = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]{0,8})$/.exec(text)
  const [, fullNonce = '', salt = '', rounds = ''] = parts ?? []
  const iterations = Number(rounds)
  if (parts === null || fullNonce.length > NONCE_CHARS_MAX || !fullNonce.startsWith(nonce) || fullNonce === nonce)
    throw refused('the database answered the SCRAM login with a malformed challenge')
  if (iterations > ITERATIONS_MAX)
    throw refused(`the database asks for ${iterations} SCRAM iterations, more than the ${ITERATIONS_MAX} allowed`)
  return { salt: Buffer.from(salt, 'base64'), iterations, fullNonce }
}

const refused = (message: string): UpstreamError => new UpstreamError('AUTHENTICATION', message)
const hmac = (key: Uint8Array, data: string): Buffer => createHmac('sha256', key).update(data).digest()
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest()
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)))
