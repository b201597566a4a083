/**
 * First bytes of what a client sends, by name. `password` also carries the SASL and GSS responses.
 * Source: PostgreSQL 18 manual, 54.7 Message Formats; src/include/libpq/protocol.h.
 *
 * @example
 * if (frame.tag === FRONTEND.query) inspect(decodeQuery(frame.body))
 */
export const FRONTEND = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const

/**
 * First bytes of what a server sends, by name.
 * Source: PostgreSQL 18 manual, 54.7 Message Formats; src/include/libpq/protocol.h.
 */
export const BACKEND = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBothResponse: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyInResponse: 0x47,
  copyOutResponse: 0x48,
  dataRow: 0x44,
  emptyQueryResponse: 0x49,
  errorResponse: 0x45,
  functionCallResponse: 0x56,
  negotiateProtocolVersion: 0x76,
  noData: 0x6e,
  noticeResponse: 0x4e,
  notificationResponse: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const

/** What a client's tag is called: the manual's names (54.7). */
export type FrontendName = keyof typeof FRONTEND
/** What a server's tag is called: the manual's names (54.7). */
export type BackendName = keyof typeof BACKEND

/** A byte that starts a client's frame. Manual 54.7. */
export type FrontendTag = (typeof FRONTEND)[FrontendName]

/** A byte that starts a server's frame. Manual 54.7. */
export type BackendTag = (typeof BACKEND)[BackendName]

/** Every tag of a client. Manual 54.7. */
export const FRONTEND_TAGS: ReadonlySet<number> = new Set(Object.values(FRONTEND))

/** Every tag of a server. Manual 54.7. */
export const BACKEND_TAGS: ReadonlySet<number> = new Set(Object.values(BACKEND))

/** All that a client may send until it is authenticated (manual 54.2.1): a second start-up or an early statement is refused. */
export const FRONTEND_LOGIN_TAGS: ReadonlySet<number> = new Set([FRONTEND.password])

const frontendByTag: ReadonlyMap<number, FrontendTag> = new Map(Object.values(FRONTEND).map(tag => [tag, tag]))
const backendByTag: ReadonlyMap<number, BackendTag> = new Map(Object.values(BACKEND).map(tag => [tag, tag]))

/**
 * The tag as one of the known client tags (manual 54.7), so that a switch over it can be exhaustive; undefined for any
 * other byte.
 *
 * @example
 * switch (frontendTag(frame.tag)) { case FRONTEND.query: return inspect(frame); case undefined: return refuse(frame) }
 */
export function frontendTag(tag: number): FrontendTag | undefined {
  return frontendByTag.get(tag)
}

/**
 * The tag as one of the known server tags (manual 54.7), so that a switch over it can be exhaustive; undefined for any
 * other byte.
 *
 * @example
 * switch (backendTag(frame.tag)) { case BACKEND.dataRow: return mask(frame); case undefined: return refuse(frame) }
 */
export function backendTag(tag: number): BackendTag | undefined {
  return backendByTag.get(tag)
}
