import {
  type AuthenticationStage,
  authenticationStage,
  BACKEND_TAGS,
  decodeBackend,
  decodeFrontend,
  decodeStartup,
  encodeBackend,
  encodeFrontend,
  FRONTEND_TAGS,
  FrameBuffer,
  StartupBuffer,
} from '../../src/postgres/index.ts'
import { encodeAnyStartup } from '../postgres/encode-any-startup.ts'
import type { Recording } from './recording-relay.ts'

/** A message that was sent, and what becomes of it when it is decoded and encoded again. */
export interface Sent {
  readonly from: 'frontend' | 'backend' | 'startup'
  readonly kind: string
  readonly bytes: Uint8Array
  readonly again: Uint8Array
}

const RULES = { frameBytesMax: 64 << 20 }

/** Reads a connection from its first byte to its last, both sides in the order in which they spoke. */
export function decodeRecording(recording: Recording): Sent[] {
  const sent: Sent[] = []
  const startup = new StartupBuffer()
  const frontend = new FrameBuffer({ ...RULES, tags: FRONTEND_TAGS })
  const backend = new FrameBuffer({ ...RULES, tags: BACKEND_TAGS })
  let phase: 'start-up' | 'answer' | 'frames' = 'start-up'
  let stage: AuthenticationStage | null = null
  for (const { from, bytes } of recording) {
    if (phase === 'answer' && from === 'backend') {
      // `N`: neither TLS nor GSS here. One byte, and no frame.
      if (bytes.length !== 1 || bytes[0] !== 0x4e) throw new Error('expected N and nothing else')
      phase = 'start-up'
    } else if (from === 'frontend' && phase === 'start-up') {
      startup.push(bytes)
      const packet = startup.next()
      if (packet === undefined) continue
      const decoded = decodeStartup(packet)
      sent.push({ from: 'startup', kind: decoded.kind, bytes: packet, again: encodeAnyStartup(decoded) })
      phase = decoded.kind === 'startup' || decoded.kind === 'cancel-request' ? 'frames' : 'answer'
      startup.assertEmpty()
    } else if (from === 'frontend') {
      frontend.push(bytes)
      for (let frame = frontend.next(); frame !== undefined; frame = frontend.next()) {
        const message = decodeFrontend(frame, stage)
        sent.push({ from, kind: message.kind, bytes: frame.bytes, again: encodeFrontend(message) })
      }
    } else {
      backend.push(bytes)
      for (let frame = backend.next(); frame !== undefined; frame = backend.next()) {
        const message = decodeBackend(frame)
        if (message.kind === 'authentication') stage = authenticationStage(message.message)
        sent.push({ from, kind: kindOf(message), bytes: frame.bytes, again: encodeBackend(message) })
      }
    }
  }
  if (frontend.buffered + backend.buffered + startup.buffered > 0) throw new Error('the recording ends within a frame')
  return sent
}

const kindOf = (message: ReturnType<typeof decodeBackend>): string =>
  message.kind === 'authentication' ? `authentication ${message.message.kind}` : message.kind
