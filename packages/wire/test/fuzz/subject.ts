import {
  decodeBackend,
  decodeFrontend,
  decodeStartup,
  encodeBackend,
  encodeCancelRequest,
  encodeFrontend,
  encodeGssencRequest,
  encodeSslRequest,
  encodeStartup,
  FrameBuffer,
  FrameScanner,
  type Startup,
  StartupBuffer,
} from '../../src/postgres/index.ts'

/** What is fuzzed. Tests of the fuzzer put broken parts in the place of ours. */
export interface Subject {
  readonly decodeFrontend: typeof decodeFrontend
  readonly encodeFrontend: typeof encodeFrontend
  readonly decodeBackend: typeof decodeBackend
  readonly encodeBackend: typeof encodeBackend
  readonly decodeStartup: typeof decodeStartup
  readonly encodeStartup: (startup: Startup) => Uint8Array
  readonly FrameBuffer: typeof FrameBuffer
  readonly FrameScanner: typeof FrameScanner
  readonly StartupBuffer: typeof StartupBuffer
}

export const OURS: Subject = {
  decodeFrontend,
  encodeFrontend,
  decodeBackend,
  encodeBackend,
  decodeStartup,
  encodeStartup: encodeAnyStartup,
  FrameBuffer,
  FrameScanner,
  StartupBuffer,
}

function encodeAnyStartup(startup: Startup): Uint8Array {
  switch (startup.kind) {
    case 'startup':
      return encodeStartup(startup.parameters, { minor: startup.minor })
    case 'ssl-request':
      return encodeSslRequest()
    case 'gssenc-request':
      return encodeGssencRequest()
    case 'cancel-request':
      return encodeCancelRequest(startup.processId, startup.secretKey)
  }
}
