import {
  encodeCancelRequest,
  encodeGssencRequest,
  encodeSslRequest,
  encodeStartup,
  type Startup,
} from '../../src/postgres/startup.ts'

/** The untagged packet that a decoded one came from. */
export function encodeAnyStartup(startup: Startup): Uint8Array {
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
