import { emptyFrame } from '../empty-body.ts'
import { FRONTEND } from '../tags.ts'

// One array each for all callers, never written to. Their bodies decode with `decodeEmpty`.

/** Sync: ends a batch; the server answers with one ReadyForQuery. Manual 54.7. */
export const SYNC: Uint8Array = emptyFrame(FRONTEND.sync)

/** Flush: asks for the answers so far. Manual 54.7. */
export const FLUSH: Uint8Array = emptyFrame(FRONTEND.flush)

/** Terminate: the client goes. Manual 54.7. */
export const TERMINATE: Uint8Array = emptyFrame(FRONTEND.terminate)

/** CopyDone: the end of a COPY stream, the same in both directions. Manual 54.7. */
export const COPY_DONE: Uint8Array = emptyFrame(FRONTEND.copyDone)
