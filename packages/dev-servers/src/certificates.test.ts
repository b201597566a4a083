import { X509Certificate } from 'node:crypto'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { type CertificateAndKey, makeCertificates } from './certificates.ts'

const certificates = makeCertificates()

/** What a client that trusts the authority makes of a server with this certificate: 'ok', or the error's code. */
const handshake = (server: CertificateAndKey, host = 'localhost'): Promise<string> =>
  new Promise((resolve, reject) => {
    const listener = createServer(server, socket => socket.on('error', () => undefined))
    listener.on('tlsClientError', () => undefined)
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      if (address === null || typeof address === 'string') return reject(new Error('no port'))
      const done = (socket: TLSSocket, answer: string) => {
        socket.destroy()
        listener.close(() => resolve(answer))
      }
      const socket = connect({ host, port: address.port, ca: certificates.ca }, () => done(socket, 'ok'))
      socket.once('error', (error: NodeJS.ErrnoException) => done(socket, error.code ?? error.message))
    })
  })

test.each(['localhost', '127.0.0.1'])('the server certificate is good for %s', async host => {
  expect(await handshake(certificates.server, host)).toBe('ok')
})

test.each([
  ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['expired', 'CERT_HAS_EXPIRED'],
  ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
] as const)('the %s certificate is refused', async (name, code) => {
  expect(await handshake(certificates[name])).toBe(code)
})

test('the client certificate names its client and comes from the authority', () => {
  const ca = new X509Certificate(certificates.ca)
  const client = new X509Certificate(certificates.client.cert)
  expect(client.subject).toBe('CN=client')
  expect(client.checkIssued(ca)).toBe(true)
  expect(client.verify(ca.publicKey)).toBe(true)
  expect(ca.ca).toBe(true)
  expect(client.ca).toBe(false)
})
