import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** A client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
export interface ScramClient {
  readonly first: string
  final(serverFirst: string): string
}

export function scramClient(password: string): ScramClient {
  const bare = `n=,r=${randomBytes(18).toString('base64')}`
  return {
    first: `n,,${bare}`,
    final(serverFirst) {
      const given = new Map(serverFirst.split(',').map(part => [part[0], part.slice(2)]))
      const salt = Buffer.from(given.get('s') ?? '', 'base64')
      const salted = pbkdf2Sync(password, salt, Number(given.get('i')), 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const withoutProof = `c=biws,r=${given.get('r') ?? ''}`
      const storedKey = createHash('sha256').update(clientKey).digest()
      const signature = hmac(storedKey, `${bare},${serverFirst},${withoutProof}`)
      const proof = clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
    },
  }
}

const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
