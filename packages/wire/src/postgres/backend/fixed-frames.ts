import { emptyFrame } from '../empty-body.ts'
import { BACKEND } from '../tags.ts'

// One array each for all callers, never written to. Their bodies decode with `decodeEmpty`.

/** ParseComplete: a statement is prepared. */
export const PARSE_COMPLETE: Uint8Array = emptyFrame(BACKEND.parseComplete)

/** BindComplete: a portal is made. */
export const BIND_COMPLETE: Uint8Array = emptyFrame(BACKEND.bindComplete)

/** CloseComplete: a statement or a portal is gone. */
export const CLOSE_COMPLETE: Uint8Array = emptyFrame(BACKEND.closeComplete)

/** NoData: what was described gives no rows. */
export const NO_DATA: Uint8Array = emptyFrame(BACKEND.noData)

/** EmptyQueryResponse: there was no statement in the text. */
export const EMPTY_QUERY_RESPONSE: Uint8Array = emptyFrame(BACKEND.emptyQueryResponse)

/** PortalSuspended: an Execute's limit was reached before the portal's end. */
export const PORTAL_SUSPENDED: Uint8Array = emptyFrame(BACKEND.portalSuspended)
