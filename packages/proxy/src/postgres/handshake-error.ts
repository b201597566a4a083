import type { FrameError } from '@querywarden/wire/postgres'
import type { Report } from './error-response.ts'

/** Ends a handshake: the client has been told why, or is not owed an answer. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError'
  readonly report: Report | null

  constructor(report: Report | null) {
    super(report?.message ?? 'connection closed during the handshake')
    this.report = report
  }
}

export const refuse = (sqlstate: string, message: string, hint: string): HandshakeError =>
  new HandshakeError({ sqlstate, message, hint })

/** The client did what the protocol doesn't have. */
export const violation = (message: string): HandshakeError => new HandshakeError({ sqlstate: '08P01', message })

/** What a start-up packet that doesn't decode makes of a handshake. */
export const asViolation = (error: FrameError): HandshakeError =>
  error.code === 'UNSUPPORTED_VERSION'
    ? refuse('0A000', `this protocol is not spoken here: ${error.message}`, 'use protocol 3.0 or 3.2')
    : violation(`the start-up packet is not in order: ${error.message}`)
