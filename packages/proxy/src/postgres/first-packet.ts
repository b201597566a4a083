import type { Socket } from 'node:net'
import { decodeStartup, FrameError, type Startup, StartupBuffer } from '@querywarden/wire/postgres'
import { asViolation, HandshakeError, violation } from './handshake-error.ts'

/** What a connection begins with: a packet, or a TLS handshake that nobody asked for first. */
export type Opening = Startup | { readonly kind: 'direct-tls' }

/** A TLS record of type handshake (RFC 8446, 5.1). No packet begins so: it would be longer than any may be. */
const TLS_HANDSHAKE = 0x16

/** Reads the first bytes of a connection. Those of a TLS handshake are left on the socket for whoever speaks TLS. */
export const opening = (socket: Socket): Promise<Opening> => read(socket, true)

/** Reads one untyped packet and not a byte more: what comes behind it unasked was stuffed there (threats E4). */
export async function nextPacket(socket: Socket): Promise<Startup> {
  const packet = await read(socket, false)
  if (packet.kind === 'direct-tls') throw violation('the client began TLS where a packet was due')
  return packet
}

function read(socket: Socket, isFirst: boolean): Promise<Opening> {
  return new Promise((resolve, reject) => {
    const buffer = new StartupBuffer()
    const stop = (): void => {
      socket.off('data', onData)
      socket.off('error', onGone)
      socket.off('close', onGone)
      socket.off('end', onGone)
    }
    const onGone = (): void => {
      stop()
      reject(new HandshakeError(null))
    }
    const onData = (chunk: Buffer): void => {
      if (isFirst && buffer.buffered === 0 && chunk[0] === TLS_HANDSHAKE) {
        stop()
        socket.pause()
        socket.unshift(chunk)
        resolve({ kind: 'direct-tls' })
        return
      }
      try {
        buffer.push(chunk)
        const packet = buffer.next()
        if (packet === undefined) return
        stop()
        if (buffer.buffered > 0 || socket.readableLength > 0)
          throw violation('the client sent data before it was asked to')
        resolve(decodeStartup(packet))
      } catch (error) {
        stop()
        reject(error instanceof FrameError ? asViolation(error) : error)
      }
    }
    socket.on('data', onData)
    socket.on('error', onGone)
    socket.on('close', onGone)
    socket.on('end', onGone)
  })
}
