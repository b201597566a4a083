import { FrameError } from '../bytes/frame-error.ts'
import type { AuthenticationStage } from './authentication-stage.ts'
import { type CopyData, decodeCopyData, encodeCopyData } from './copy-data.ts'
import { decodeEmptyAs } from './empty-body.ts'
import type { Frame } from './frame-buffer.ts'
import { type Bind, decodeBind, encodeBind } from './frontend/bind.ts'
import { type Close, decodeClose, encodeClose } from './frontend/close.ts'
import { type CopyFail, decodeCopyFail, encodeCopyFail } from './frontend/copy-fail.ts'
import { type Describe, decodeDescribe, encodeDescribe } from './frontend/describe.ts'
import { decodeExecute, type Execute, encodeExecute } from './frontend/execute.ts'
import { COPY_DONE, FLUSH, SYNC, TERMINATE } from './frontend/fixed-frames.ts'
import { decodeFunctionCall, encodeFunctionCall, type FunctionCall } from './frontend/function-call.ts'
import { decodeGssResponse, encodeGssResponse, type GssResponse } from './frontend/gss-response.ts'
import { decodeParse, encodeParse, type Parse } from './frontend/parse.ts'
import { decodePassword, encodePassword, type Password } from './frontend/password.ts'
import { decodeQuery, encodeQuery, type Query } from './frontend/query.ts'
import {
  decodeSaslInitialResponse,
  encodeSaslInitialResponse,
  type SaslInitialResponse,
} from './frontend/sasl-initial-response.ts'
import { decodeSaslResponse, encodeSaslResponse, type SaslResponse } from './frontend/sasl-response.ts'
import { FRONTEND, frontendTag } from './tags.ts'

/**
 * Any message of a client that has a frame (manual 54.7, those marked F). Kinds are the names of `FRONTEND`; those of the
 * tag `password` are four, as the server's question has it.
 */
export type FrontendMessage =
  | { readonly kind: 'bind'; readonly message: Bind }
  | { readonly kind: 'close'; readonly message: Close }
  | { readonly kind: 'copyData'; readonly message: CopyData }
  | { readonly kind: 'copyDone' }
  | { readonly kind: 'copyFail'; readonly message: CopyFail }
  | { readonly kind: 'describe'; readonly message: Describe }
  | { readonly kind: 'execute'; readonly message: Execute }
  | { readonly kind: 'flush' }
  | { readonly kind: 'functionCall'; readonly message: FunctionCall }
  | { readonly kind: 'gssResponse'; readonly message: GssResponse }
  | { readonly kind: 'parse'; readonly message: Parse }
  | { readonly kind: 'password'; readonly message: Password }
  | { readonly kind: 'query'; readonly message: Query }
  | { readonly kind: 'saslInitialResponse'; readonly message: SaslInitialResponse }
  | { readonly kind: 'saslResponse'; readonly message: SaslResponse }
  | { readonly kind: 'sync' }
  | { readonly kind: 'terminate' }

/**
 * Decodes whatever a client sent (manual 54.7). A `FrameScanner` can be given in a frame's place. Values are views of the body.
 *
 * @param stage what the server asked for last, which says what the tag `p` means; null where it asked for nothing, and
 * then there is no such message
 * @throws FrameError `UNKNOWN_TAG` or `MALFORMED`
 * @example
 * const message = decodeFrontend(frame, null)
 * if (message.kind === 'parse') console.log(message.message.query)
 */
export function decodeFrontend(
  { tag, body }: Pick<Frame, 'tag' | 'body'>,
  stage: AuthenticationStage | null,
): FrontendMessage {
  switch (frontendTag(tag)) {
    case FRONTEND.bind:
      return { kind: 'bind', message: decodeBind(body) }
    case FRONTEND.close:
      return { kind: 'close', message: decodeClose(body) }
    case FRONTEND.copyData:
      return { kind: 'copyData', message: decodeCopyData(body) }
    case FRONTEND.copyFail:
      return { kind: 'copyFail', message: decodeCopyFail(body) }
    case FRONTEND.describe:
      return { kind: 'describe', message: decodeDescribe(body) }
    case FRONTEND.execute:
      return { kind: 'execute', message: decodeExecute(body) }
    case FRONTEND.functionCall:
      return { kind: 'functionCall', message: decodeFunctionCall(body) }
    case FRONTEND.parse:
      return { kind: 'parse', message: decodeParse(body) }
    case FRONTEND.password:
      return decodeLogin(body, stage)
    case FRONTEND.query:
      return { kind: 'query', message: decodeQuery(body) }
    case FRONTEND.copyDone:
      return decodeEmptyAs('copyDone', body)
    case FRONTEND.flush:
      return decodeEmptyAs('flush', body)
    case FRONTEND.sync:
      return decodeEmptyAs('sync', body)
    case FRONTEND.terminate:
      return decodeEmptyAs('terminate', body)
    case undefined:
      throw new FrameError('UNKNOWN_TAG', `tag ${tag} is not a client's`, { tag })
  }
}

function decodeLogin(body: Uint8Array, stage: AuthenticationStage | null): FrontendMessage {
  switch (stage) {
    case 'password':
      return { kind: 'password', message: decodePassword(body) }
    case 'saslInitial':
      return { kind: 'saslInitialResponse', message: decodeSaslInitialResponse(body) }
    case 'sasl':
      return { kind: 'saslResponse', message: decodeSaslResponse(body) }
    case 'gss':
      return { kind: 'gssResponse', message: decodeGssResponse(body) }
    case null:
      throw new FrameError('UNKNOWN_TAG', 'answer to a login came where none was asked for', { tag: FRONTEND.password })
  }
}

/**
 * The frame of any message of a client (manual 54.7). Frames without a body are shared, not to be written to.
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeFrontend({ kind: 'describe', message: { kind: 'portal', name: '' } })
 */
export function encodeFrontend(message: FrontendMessage): Uint8Array {
  switch (message.kind) {
    case 'bind':
      return encodeBind(message.message)
    case 'close':
      return encodeClose(message.message)
    case 'copyData':
      return encodeCopyData(message.message)
    case 'copyDone':
      return COPY_DONE
    case 'copyFail':
      return encodeCopyFail(message.message)
    case 'describe':
      return encodeDescribe(message.message)
    case 'execute':
      return encodeExecute(message.message)
    case 'flush':
      return FLUSH
    case 'functionCall':
      return encodeFunctionCall(message.message)
    case 'gssResponse':
      return encodeGssResponse(message.message)
    case 'parse':
      return encodeParse(message.message)
    case 'password':
      return encodePassword(message.message)
    case 'query':
      return encodeQuery(message.message)
    case 'saslInitialResponse':
      return encodeSaslInitialResponse(message.message)
    case 'saslResponse':
      return encodeSaslResponse(message.message)
    case 'sync':
      return SYNC
    case 'terminate':
      return TERMINATE
  }
}
