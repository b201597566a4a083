import { createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { CertificateAndKey } from '@querywarden/dev-servers'
import {
  encodeAuthentication,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodeReadyForQuery,
} from '@querywarden/wire/postgres'

/** A server of someone else's, that does what it is told to with every connection. */
export async function evil(behave: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    behave(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server }
}

/** What a server says, as it is or made from what it has seen. */
export type Answer = Uint8Array | string | ((seen: string) => Uint8Array)

/** Answers the n-th chunk that comes with the n-th of these. */
export const script =
  (...answers: readonly Answer[]) =>
  (socket: Socket): void => {
    let n = 0
    socket.on('data', chunk => {
      const answer = answers[n++]
      if (answer === undefined) return
      socket.write(typeof answer === 'function' ? answer(chunk.toString('latin1')) : answer)
    })
  }

/** Grants TLS as a server of this certificate, and behaves inside it. */
export const insideTls =
  (certificate: CertificateAndKey, behave: (secured: Socket) => void) =>
  (socket: Socket): void => {
    socket.once('data', () => {
      socket.write('S')
      const secured = new TLSSocket(socket, { isServer: true, ...certificate, ALPNProtocols: ['postgresql'] })
      secured.on('error', () => undefined)
      behave(secured)
    })
  }

export const OK: Uint8Array = encodeAuthentication({ kind: 'ok' })
export const offer = (...mechanisms: readonly string[]): Uint8Array =>
  encodeAuthentication({ kind: 'sasl', mechanisms })

/** All that a server says between letting somebody in and ReadyForQuery. */
export const greeting = (secretKey: Uint8Array = new Uint8Array(4), encoding = 'UTF8'): Buffer =>
  Buffer.concat([
    encodeParameterStatus({ name: 'client_encoding', value: encoding }),
    encodeParameterStatus({ name: 'standard_conforming_strings', value: 'on' }),
    encodeBackendKeyData({ processId: 1, secretKey }),
    encodeReadyForQuery({ status: 'idle' }),
  ])

/** A SCRAM challenge with the client's own nonce in it. */
export const challenge =
  (rest: string) =>
  (seen: string): Uint8Array =>
    encodeAuthentication({
      kind: 'sasl-continue',
      data: Buffer.from(`r=${/r=([^,\0]+)/.exec(seen)?.[1]}${rest}`),
    })
