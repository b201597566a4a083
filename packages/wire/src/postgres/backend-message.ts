import { FrameError } from '../bytes/frame-error.ts'
import { type Authentication, decodeAuthentication, encodeAuthentication } from './backend/authentication.ts'
import { type BackendKeyData, decodeBackendKeyData, encodeBackendKeyData } from './backend/backend-key-data.ts'
import { type CommandComplete, decodeCommandComplete, encodeCommandComplete } from './backend/command-complete.ts'
import {
  type CopyResponse,
  decodeCopyBothResponse,
  decodeCopyInResponse,
  decodeCopyOutResponse,
  encodeCopyBothResponse,
  encodeCopyInResponse,
  encodeCopyOutResponse,
} from './backend/copy-response.ts'
import { type DataRow, decodeDataRow, encodeDataRow } from './backend/data-row.ts'
import {
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  EMPTY_QUERY_RESPONSE,
  NO_DATA,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
} from './backend/fixed-frames.ts'
import {
  decodeFunctionCallResponse,
  encodeFunctionCallResponse,
  type FunctionCallResponse,
} from './backend/function-call-response.ts'
import {
  decodeNegotiateProtocolVersion,
  encodeNegotiateProtocolVersion,
  type NegotiateProtocolVersion,
} from './backend/negotiate-protocol-version.ts'
import {
  decodeNotificationResponse,
  encodeNotificationResponse,
  type NotificationResponse,
} from './backend/notification-response.ts'
import {
  decodeParameterDescription,
  encodeParameterDescription,
  type ParameterDescription,
} from './backend/parameter-description.ts'
import { decodeParameterStatus, encodeParameterStatus, type ParameterStatus } from './backend/parameter-status.ts'
import { decodeReadyForQuery, encodeReadyForQuery, type ReadyForQuery } from './backend/ready-for-query.ts'
import {
  decodeErrorResponse,
  decodeNoticeResponse,
  type ErrorResponse,
  encodeErrorResponse,
  encodeNoticeResponse,
  type NoticeResponse,
} from './backend/response-fields.ts'
import { decodeRowDescription, encodeRowDescription, type RowDescription } from './backend/row-description.ts'
import { type CopyData, decodeCopyData, encodeCopyData } from './copy-data.ts'
import { decodeEmptyAs } from './empty-body.ts'
import type { Frame } from './frame-buffer.ts'
import { COPY_DONE } from './frontend/fixed-frames.ts'
import { BACKEND, backendTag } from './tags.ts'

/** Any message of a server (manual 54.7, those marked B). Kinds are the names of `BACKEND`. */
export type BackendMessage =
  | { readonly kind: 'authentication'; readonly message: Authentication }
  | { readonly kind: 'backendKeyData'; readonly message: BackendKeyData }
  | { readonly kind: 'bindComplete' }
  | { readonly kind: 'closeComplete' }
  | { readonly kind: 'commandComplete'; readonly message: CommandComplete }
  | { readonly kind: 'copyBothResponse'; readonly message: CopyResponse }
  | { readonly kind: 'copyData'; readonly message: CopyData }
  | { readonly kind: 'copyDone' }
  | { readonly kind: 'copyInResponse'; readonly message: CopyResponse }
  | { readonly kind: 'copyOutResponse'; readonly message: CopyResponse }
  | { readonly kind: 'dataRow'; readonly message: DataRow }
  | { readonly kind: 'emptyQueryResponse' }
  | { readonly kind: 'errorResponse'; readonly message: ErrorResponse }
  | { readonly kind: 'functionCallResponse'; readonly message: FunctionCallResponse }
  | { readonly kind: 'negotiateProtocolVersion'; readonly message: NegotiateProtocolVersion }
  | { readonly kind: 'noData' }
  | { readonly kind: 'noticeResponse'; readonly message: NoticeResponse }
  | { readonly kind: 'notificationResponse'; readonly message: NotificationResponse }
  | { readonly kind: 'parameterDescription'; readonly message: ParameterDescription }
  | { readonly kind: 'parameterStatus'; readonly message: ParameterStatus }
  | { readonly kind: 'parseComplete' }
  | { readonly kind: 'portalSuspended' }
  | { readonly kind: 'readyForQuery'; readonly message: ReadyForQuery }
  | { readonly kind: 'rowDescription'; readonly message: RowDescription }

/**
 * Decodes whatever a server sent (manual 54.7), for inspectors and tests; a session's own path decodes only the kinds
 * that it handles. A `FrameScanner` can be given in a frame's place. Values are views of the body.
 *
 * @throws FrameError `UNKNOWN_TAG` or `MALFORMED`
 * @example
 * const reply = decodeBackend(frame)
 * if (reply.kind === 'commandComplete') console.log(reply.message.tag)
 */
export function decodeBackend({ tag, body }: Pick<Frame, 'tag' | 'body'>): BackendMessage {
  switch (backendTag(tag)) {
    case BACKEND.authentication:
      return { kind: 'authentication', message: decodeAuthentication(body) }
    case BACKEND.backendKeyData:
      return { kind: 'backendKeyData', message: decodeBackendKeyData(body) }
    case BACKEND.commandComplete:
      return { kind: 'commandComplete', message: decodeCommandComplete(body) }
    case BACKEND.copyBothResponse:
      return { kind: 'copyBothResponse', message: decodeCopyBothResponse(body) }
    case BACKEND.copyData:
      return { kind: 'copyData', message: decodeCopyData(body) }
    case BACKEND.copyInResponse:
      return { kind: 'copyInResponse', message: decodeCopyInResponse(body) }
    case BACKEND.copyOutResponse:
      return { kind: 'copyOutResponse', message: decodeCopyOutResponse(body) }
    case BACKEND.dataRow:
      return { kind: 'dataRow', message: decodeDataRow(body) }
    case BACKEND.errorResponse:
      return { kind: 'errorResponse', message: decodeErrorResponse(body) }
    case BACKEND.functionCallResponse:
      return { kind: 'functionCallResponse', message: decodeFunctionCallResponse(body) }
    case BACKEND.negotiateProtocolVersion:
      return { kind: 'negotiateProtocolVersion', message: decodeNegotiateProtocolVersion(body) }
    case BACKEND.noticeResponse:
      return { kind: 'noticeResponse', message: decodeNoticeResponse(body) }
    case BACKEND.notificationResponse:
      return { kind: 'notificationResponse', message: decodeNotificationResponse(body) }
    case BACKEND.parameterDescription:
      return { kind: 'parameterDescription', message: decodeParameterDescription(body) }
    case BACKEND.parameterStatus:
      return { kind: 'parameterStatus', message: decodeParameterStatus(body) }
    case BACKEND.readyForQuery:
      return { kind: 'readyForQuery', message: decodeReadyForQuery(body) }
    case BACKEND.rowDescription:
      return { kind: 'rowDescription', message: decodeRowDescription(body) }
    case BACKEND.bindComplete:
      return decodeEmptyAs('bindComplete', body)
    case BACKEND.closeComplete:
      return decodeEmptyAs('closeComplete', body)
    case BACKEND.copyDone:
      return decodeEmptyAs('copyDone', body)
    case BACKEND.emptyQueryResponse:
      return decodeEmptyAs('emptyQueryResponse', body)
    case BACKEND.noData:
      return decodeEmptyAs('noData', body)
    case BACKEND.parseComplete:
      return decodeEmptyAs('parseComplete', body)
    case BACKEND.portalSuspended:
      return decodeEmptyAs('portalSuspended', body)
    case undefined:
      throw new FrameError('UNKNOWN_TAG', `tag ${tag} is not a server's`, { tag })
  }
}

/**
 * The frame of any message of a server (manual 54.7). Frames without a body, and ReadyForQuery, are shared and not to be
 * written to. An error or a notice that was `lossy` encodes what could be read of it.
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeBackend({ kind: 'readyForQuery', message: { status: 'idle' } })
 */
export function encodeBackend(message: BackendMessage): Uint8Array {
  switch (message.kind) {
    case 'authentication':
      return encodeAuthentication(message.message)
    case 'backendKeyData':
      return encodeBackendKeyData(message.message)
    case 'bindComplete':
      return BIND_COMPLETE
    case 'closeComplete':
      return CLOSE_COMPLETE
    case 'commandComplete':
      return encodeCommandComplete(message.message)
    case 'copyBothResponse':
      return encodeCopyBothResponse(message.message)
    case 'copyData':
      return encodeCopyData(message.message)
    case 'copyDone':
      return COPY_DONE
    case 'copyInResponse':
      return encodeCopyInResponse(message.message)
    case 'copyOutResponse':
      return encodeCopyOutResponse(message.message)
    case 'dataRow':
      return encodeDataRow(message.message)
    case 'emptyQueryResponse':
      return EMPTY_QUERY_RESPONSE
    case 'errorResponse':
      return encodeErrorResponse(message.message)
    case 'functionCallResponse':
      return encodeFunctionCallResponse(message.message)
    case 'negotiateProtocolVersion':
      return encodeNegotiateProtocolVersion(message.message)
    case 'noData':
      return NO_DATA
    case 'noticeResponse':
      return encodeNoticeResponse(message.message)
    case 'notificationResponse':
      return encodeNotificationResponse(message.message)
    case 'parameterDescription':
      return encodeParameterDescription(message.message)
    case 'parameterStatus':
      return encodeParameterStatus(message.message)
    case 'parseComplete':
      return PARSE_COMPLETE
    case 'portalSuspended':
      return PORTAL_SUSPENDED
    case 'readyForQuery':
      return encodeReadyForQuery(message.message)
    case 'rowDescription':
      return encodeRowDescription(message.message)
  }
}
