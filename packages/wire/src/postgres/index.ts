export { FrameError, type FrameErrorCode, type FrameErrorDetails } from '../bytes/frame-error.ts'
export { Reader } from '../bytes/reader.ts'
export { LENGTH_MAX, Writer } from '../bytes/writer.ts'
export { type AuthenticationStage, authenticationStage } from './authentication-stage.ts'
export { type Authentication, decodeAuthentication, encodeAuthentication } from './backend/authentication.ts'
export {
  type AgreedVersion,
  type BackendKeyData,
  decodeBackendKeyData,
  encodeBackendKeyData,
} from './backend/backend-key-data.ts'
export { type CommandComplete, decodeCommandComplete, encodeCommandComplete } from './backend/command-complete.ts'
export {
  type CopyResponse,
  decodeCopyBothResponse,
  decodeCopyInResponse,
  decodeCopyOutResponse,
  encodeCopyBothResponse,
  encodeCopyInResponse,
  encodeCopyOutResponse,
} from './backend/copy-response.ts'
export { type DataRow, decodeDataRow, encodeDataRow } from './backend/data-row.ts'
export {
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  EMPTY_QUERY_RESPONSE,
  NO_DATA,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
} from './backend/fixed-frames.ts'
export {
  decodeFunctionCallResponse,
  encodeFunctionCallResponse,
  type FunctionCallResponse,
} from './backend/function-call-response.ts'
export {
  decodeNegotiateProtocolVersion,
  encodeNegotiateProtocolVersion,
  type NegotiateProtocolVersion,
} from './backend/negotiate-protocol-version.ts'
export {
  decodeNotificationResponse,
  encodeNotificationResponse,
  type NotificationResponse,
} from './backend/notification-response.ts'
export {
  decodeParameterDescription,
  encodeParameterDescription,
  type ParameterDescription,
} from './backend/parameter-description.ts'
export { decodeParameterStatus, encodeParameterStatus, type ParameterStatus } from './backend/parameter-status.ts'
export {
  decodeReadyForQuery,
  encodeReadyForQuery,
  type ReadyForQuery,
  type TransactionStatus,
} from './backend/ready-for-query.ts'
export {
  decodeErrorResponse,
  decodeNoticeResponse,
  type ErrorResponse,
  encodeErrorResponse,
  encodeNoticeResponse,
  type NoticeResponse,
  type ResponseFields,
} from './backend/response-fields.ts'
export {
  decodeRowDescription,
  encodeRowDescription,
  type FieldDescription,
  type RowDescription,
} from './backend/row-description.ts'
export { type BackendMessage, decodeBackend, encodeBackend } from './backend-message.ts'
export { CLIENT_MESSAGES, type ClientAction, type ClientPhase, clientAction } from './conversation/client-messages.ts'
export {
  OPENING_PACKETS,
  type OpeningAction,
  type OpeningPacket,
  type OpeningPhase,
} from './conversation/opening-packets.ts'
export { type Awaiting, type ReplyAction, replyAction, SERVER_REPLIES } from './conversation/server-replies.ts'
export { type CopyData, decodeCopyData, encodeCopyData } from './copy-data.ts'
export { decodeEmpty } from './empty-body.ts'
export type { Format } from './format.ts'
export { type Frame, FrameBuffer } from './frame-buffer.ts'
export { FRONTEND_LIMITS, type FrameRules, HEADER_BYTES } from './frame-rules.ts'
export { type FramePart, FrameScanner } from './frame-scanner.ts'
export { type Bind, decodeBind, encodeBind } from './frontend/bind.ts'
export { type Close, decodeClose, encodeClose } from './frontend/close.ts'
export { type CopyFail, decodeCopyFail, encodeCopyFail } from './frontend/copy-fail.ts'
export { type Describe, decodeDescribe, encodeDescribe } from './frontend/describe.ts'
export { decodeExecute, type Execute, encodeExecute } from './frontend/execute.ts'
export { COPY_DONE, FLUSH, SYNC, TERMINATE } from './frontend/fixed-frames.ts'
export { decodeFunctionCall, encodeFunctionCall, type FunctionCall } from './frontend/function-call.ts'
export { decodeGssResponse, encodeGssResponse, type GssResponse } from './frontend/gss-response.ts'
export { decodeParse, encodeParse, type Parse } from './frontend/parse.ts'
export { decodePassword, encodePassword, type Password } from './frontend/password.ts'
export { decodeQuery, encodeQuery, type Query } from './frontend/query.ts'
export {
  decodeSaslInitialResponse,
  encodeSaslInitialResponse,
  type SaslInitialResponse,
} from './frontend/sasl-initial-response.ts'
export { decodeSaslResponse, encodeSaslResponse, type SaslResponse } from './frontend/sasl-response.ts'
export { decodeFrontend, encodeFrontend, type FrontendMessage } from './frontend-message.ts'
export {
  decodeStartup,
  encodeCancelRequest,
  encodeGssencRequest,
  encodeSslRequest,
  encodeStartup,
  isSecretKeyBytes,
  PROTOCOL_OPTION_PREFIX,
  SECRET_KEY_BYTES_MAX,
  SECRET_KEY_BYTES_MIN,
  STARTUP_BYTES_MAX,
  STARTUP_BYTES_MIN,
  type Startup,
} from './startup.ts'
export { StartupBuffer } from './startup-buffer.ts'
export {
  BACKEND,
  BACKEND_TAGS,
  type BackendName,
  type BackendTag,
  backendTag,
  FRONTEND,
  FRONTEND_LOGIN_TAGS,
  FRONTEND_TAGS,
  type FrontendName,
  type FrontendTag,
  frontendTag,
} from './tags.ts'
