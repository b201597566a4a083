import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { UpstreamError } from './upstream-error.ts'

const derive = promisify(pbkdf2)

/** A hostile server could name billions of rounds (PgBouncer CVE-2026-6669); PostgreSQL's default is 4096. */
const ITERATIONS_MAX = 100_000
const NONCE_CHARS_MAX = 1_024

/** The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), which also proves the server to us. */
export interface ScramClient {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  readonly first: () => Uint8Array
  readonly answer: (serverFirst: Uint8Array) => Promise<Uint8Array>
  /** Throws unless the server knows the password too. */
  readonly verify: (serverFinal: Uint8Array) => void
}

/**
 * @param options.binding - The hash of the server's certificate for `tls-server-end-point` (RFC 5929), or null without
 * TLS. With it, SCRAM-SHA-256-PLUS is used where offered; where it isn't, the `y` flag lets the server notice that
 * somebody removed it from the offer.
 */
export function scramClient(options: {
  readonly password: string
  readonly nonce: string
  readonly offered: readonly string[]
  readonly binding: Uint8Array | null
}): ScramClient {
  const { password, nonce, offered, binding } = options
  const isBound = binding !== null && offered.includes('SCRAM-SHA-256-PLUS')
  if (!isBound && !offered.includes('SCRAM-SHA-256')) {
    throw new UpstreamError(
      'AUTHENTICATION',
      'the database offers no SCRAM-SHA-256 login, and the gateway sends no weaker one',
    )
  }
  const header = isBound ? 'p=tls-server-end-point,,' : binding === null ? 'n,,' : 'y,,'
  // PostgreSQL takes the user name from the start-up packet and ignores this one.
  const firstBare = `n=,r=${nonce}`
  let serverSignature: Buffer | null = null

  return {
    mechanism: isBound ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    first: () => Buffer.from(header + firstBare),
    answer: async serverFirst => {
      const text = Buffer.from(serverFirst).toString('utf8')
      const { salt, iterations, fullNonce } = readServerFirst(text, nonce)
      const channel = Buffer.concat([Buffer.from(header), isBound && binding !== null ? binding : Buffer.alloc(0)])
      const withoutProof = `c=${channel.toString('base64')},r=${fullNonce}`
      const salted = await derive(password.normalize('NFKC'), salt, iterations, 32, 'sha256')
      const authMessage = `${firstBare},${text},${withoutProof}`
      const clientKey = hmac(salted, 'Client Key')
      const signature = hmac(sha256(clientKey), authMessage)
      serverSignature = hmac(hmac(salted, 'Server Key'), authMessage)
      return Buffer.from(`${withoutProof},p=${xor(clientKey, signature).toString('base64')}`)
    },
    verify: serverFinal => {
      const given = /^v=([A-Za-z0-9+/=]+)$/.exec(Buffer.from(serverFinal).toString('utf8'))?.[1]
      const signature = Buffer.from(given ?? '', 'base64')
      if (
        serverSignature === null ||
        signature.length !== serverSignature.length ||
        !timingSafeEqual(signature, serverSignature)
      ) {
        throw new UpstreamError('AUTHENTICATION', "the database did not prove that it knows the gateway's password")
      }
    },
  }
}

function readServerFirst(text: string, nonce: string): { salt: Buffer; iterations: number; fullNonce: string } {
  const parts = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]{0,8})$/.exec(text)
  const [, fullNonce = '', salt = '', rounds = ''] = parts ?? []
  const iterations = Number(rounds)
  if (parts === null || fullNonce.length > NONCE_CHARS_MAX || !fullNonce.startsWith(nonce) || fullNonce === nonce) {
    throw new UpstreamError('AUTHENTICATION', 'the database answered the SCRAM login with a malformed challenge')
  }
  if (iterations > ITERATIONS_MAX) {
    throw new UpstreamError(
      'AUTHENTICATION',
      `the database asks for ${iterations} SCRAM iterations, more than the ${ITERATIONS_MAX} allowed`,
    )
  }
  return { salt: Buffer.from(salt, 'base64'), iterations, fullNonce }
}

const hmac = (key: Uint8Array, data: string): Buffer => createHmac('sha256', key).update(data).digest()
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest()
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)))
