import { emptyFrame } from '../empty-body.ts'
import { BACKEND } from '../tags.ts'

// One array each for all callers, never written to. Their bodies decode with `decodeEmpty`.

/** ParseComplete: a statement is prepared. Manual 54.7. */
export const PARSE_COMPLETE: Uint8Array = emptyFrame(BACKEND.parseComplete)

/** BindComplete: a portal is made. Manual 54.7. */
export const BIND_COMPLETE: Uint8Array = emptyFrame(BACKEND.bindComplete)

/** CloseComplete: a statement or a portal is gone. Manual 54.7. */
export const CLOSE_COMPLETE: Uint8Array = emptyFrame(BACKEND.closeComplete)

/** NoData: what was described gives no rows. Manual 54.7. */
export const NO_DATA: Uint8Array = emptyFrame(BACKEND.noData)

/** EmptyQueryResponse: there was no statement in the text. Manual 54.7. */
export const EMPTY_QUERY_RESPONSE: Uint8Array = emptyFrame(BACKEND.emptyQueryResponse)

/** PortalSuspended: an Execute's limit was reached before the portal's end. Manual 54.7. */
export const PORTAL_SUSPENDED: Uint8Array = emptyFrame(BACKEND.portalSuspended)
