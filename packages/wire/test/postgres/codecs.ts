import fc from 'fast-check'
import {
  type Authentication,
  BACKEND,
  decodeAuthentication,
  decodeBackendKeyData,
  decodeBind,
  decodeClose,
  decodeCommandComplete,
  decodeCopyBothResponse,
  decodeCopyData,
  decodeCopyFail,
  decodeCopyInResponse,
  decodeCopyOutResponse,
  decodeDataRow,
  decodeDescribe,
  decodeErrorResponse,
  decodeExecute,
  decodeFunctionCall,
  decodeFunctionCallResponse,
  decodeGssResponse,
  decodeNegotiateProtocolVersion,
  decodeNoticeResponse,
  decodeNotificationResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeParse,
  decodePassword,
  decodeQuery,
  decodeReadyForQuery,
  decodeRowDescription,
  decodeSaslInitialResponse,
  decodeSaslResponse,
  encodeAuthentication,
  encodeBackendKeyData,
  encodeBind,
  encodeClose,
  encodeCommandComplete,
  encodeCopyBothResponse,
  encodeCopyData,
  encodeCopyFail,
  encodeCopyInResponse,
  encodeCopyOutResponse,
  encodeDataRow,
  encodeDescribe,
  encodeErrorResponse,
  encodeExecute,
  encodeFunctionCall,
  encodeFunctionCallResponse,
  encodeGssResponse,
  encodeNegotiateProtocolVersion,
  encodeNoticeResponse,
  encodeNotificationResponse,
  encodeParameterDescription,
  encodeParameterStatus,
  encodeParse,
  encodePassword,
  encodeQuery,
  encodeReadyForQuery,
  encodeRowDescription,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  type Format,
  FRONTEND,
} from '../../src/postgres/index.ts'

/** One message kind: values of it, and its two functions with the value's type closed over. */
export interface Codec {
  readonly name: string
  readonly direction: 'frontend' | 'backend'
  readonly tag: number
  /** A value and the frame that it encodes to. */
  readonly samples: fc.Arbitrary<{ readonly value: unknown; readonly frame: Uint8Array }>
  readonly decode: (body: Uint8Array) => unknown
  /** Decodes and encodes again; null where the message says that it lost bytes in decoding. */
  readonly reencode: (body: Uint8Array) => Uint8Array | null
}

const codec =
  (direction: Codec['direction']) =>
  <T extends object>(
    name: string,
    tag: number,
    values: fc.Arbitrary<T>,
    encode: (value: T) => Uint8Array,
    decode: (body: Uint8Array) => T,
  ): Codec => ({
    name,
    direction,
    tag,
    samples: values.map(value => ({ value, frame: encode(value) })),
    decode,
    reencode: body => {
      const value = decode(body)
      return 'lossy' in value && value.lossy === true ? null : encode(value)
    },
  })

const frontend = codec('frontend')
const backend = codec('backend')

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Text that a C string can hold: any character but NUL, a byte order mark and astral ones included. */
export const text: fc.Arbitrary<string> = fc
  .string({
    unit: fc.oneof(fc.constantFrom('\ufeff', '\ufffd', ' ', "'", '"', ';', '€', '𝄞'), fc.string({ maxLength: 1 })),
  })
  .map(value => value.replaceAll('\0', ''))

const name = text.filter(value => value !== '')
const bytes = fc.uint8Array({ maxLength: 40 })
const nullable = fc.option(bytes, { nil: null })
const int16 = fc.integer({ min: -0x8000, max: 0x7fff })
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
const oid = fc.integer({ min: 0, max: 0xffff_ffff })
const code = fc.constantFrom(0, 1)
const format = fc.constantFrom<Format>('text', 'binary')
const values = fc.array(nullable, { maxLength: 6 })

const formatted = values.chain(parameters =>
  fc.record({
    parameters: fc.constant(parameters),
    parameterFormats: fc.oneof(
      fc.constant<number[]>([]),
      fc.tuple(code).map(codes => [...codes]),
      fc.array(code, { minLength: parameters.length, maxLength: parameters.length }),
    ),
  }),
)

const named = fc.record({ kind: fc.constantFrom('statement' as const, 'portal' as const), name: text })

const bind = fc
  .tuple(formatted, fc.record({ portal: text, statement: text, resultFormats: fc.array(code, { maxLength: 5 }) }))
  .map(([parameters, rest]) => ({ ...rest, ...parameters }))

const functionCall = fc
  .tuple(formatted, fc.record({ functionOid: oid, resultFormat: format }))
  .map(([{ parameters, parameterFormats }, rest]) => ({
    ...rest,
    arguments: parameters,
    argumentFormats: parameterFormats,
  }))

const query = text.map(value => ({ query: value, queryBytes: utf8(value) }))

const authentication: fc.Arbitrary<Authentication> = fc.oneof(
  fc.record({ kind: fc.constantFrom('ok', 'kerberos-v5', 'cleartext-password', 'gss', 'sspi') }),
  fc.record({ kind: fc.constant('md5-password' as const), salt: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  fc.record({ kind: fc.constant('sasl' as const), mechanisms: fc.array(name, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constantFrom('gss-continue', 'sasl-continue', 'sasl-final'), data: bytes }),
  fc.record({ kind: fc.constant('unsupported' as const), type: fc.constantFrom(1, 4, 6, 13, -1), data: bytes }),
)

const copyResponse = fc.oneof(
  fc.record({ format: fc.constant<Format>('text'), columnFormats: fc.array(fc.constant<Format>('text')) }),
  fc.record({ format: fc.constant<Format>('binary'), columnFormats: fc.array(format) }),
)

const responseFields = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...'SVCMDHPpqWstcdnFLR~!'), text), { minLength: 1, selector: ([key]) => key })
  .map(entries => ({ fields: new Map(entries), lossy: false }))

const field = fc.record({
  name: text,
  tableOid: oid,
  attnum: int16,
  typeOid: oid,
  typeSize: int16,
  typmod: int32,
  format,
})

const keyData = fc.record({ processId: int32, secretKey: fc.uint8Array({ minLength: 4, maxLength: 256 }) })

/** Every message that has a body, in both directions. */
export const codecs: readonly Codec[] = [
  frontend('Query', FRONTEND.query, query, encodeQuery, decodeQuery),
  frontend(
    'Parse',
    FRONTEND.parse,
    fc
      .tuple(query, fc.record({ name: text, parameterTypes: fc.array(oid, { maxLength: 5 }) }))
      .map(([sql, rest]) => ({ ...sql, ...rest })),
    encodeParse,
    decodeParse,
  ),
  frontend('Bind', FRONTEND.bind, bind, encodeBind, decodeBind),
  frontend('Describe', FRONTEND.describe, named, encodeDescribe, decodeDescribe),
  frontend('Close', FRONTEND.close, named, encodeClose, decodeClose),
  frontend(
    'Execute',
    FRONTEND.execute,
    fc.record({ portal: text, rowsMax: fc.nat(0x7fff_ffff) }),
    encodeExecute,
    decodeExecute,
  ),
  frontend('CopyData', FRONTEND.copyData, fc.record({ data: bytes }), encodeCopyData, decodeCopyData),
  frontend('CopyFail', FRONTEND.copyFail, fc.record({ reason: text }), encodeCopyFail, decodeCopyFail),
  frontend('PasswordMessage', FRONTEND.password, fc.record({ password: text }), encodePassword, decodePassword),
  frontend(
    'SASLInitialResponse',
    FRONTEND.password,
    fc.record({ mechanism: text, response: nullable }),
    encodeSaslInitialResponse,
    decodeSaslInitialResponse,
  ),
  frontend('SASLResponse', FRONTEND.password, fc.record({ data: bytes }), encodeSaslResponse, decodeSaslResponse),
  frontend('GSSResponse', FRONTEND.password, fc.record({ data: bytes }), encodeGssResponse, decodeGssResponse),
  frontend('FunctionCall', FRONTEND.functionCall, functionCall, encodeFunctionCall, decodeFunctionCall),
  backend('Authentication', BACKEND.authentication, authentication, encodeAuthentication, decodeAuthentication),
  backend('BackendKeyData', BACKEND.backendKeyData, keyData, encodeBackendKeyData, decodeBackendKeyData),
  backend(
    'CommandComplete',
    BACKEND.commandComplete,
    fc.record({ tag: text }),
    encodeCommandComplete,
    decodeCommandComplete,
  ),
  backend('CopyInResponse', BACKEND.copyInResponse, copyResponse, encodeCopyInResponse, decodeCopyInResponse),
  backend('CopyOutResponse', BACKEND.copyOutResponse, copyResponse, encodeCopyOutResponse, decodeCopyOutResponse),
  backend('CopyBothResponse', BACKEND.copyBothResponse, copyResponse, encodeCopyBothResponse, decodeCopyBothResponse),
  backend('CopyData', BACKEND.copyData, fc.record({ data: bytes }), encodeCopyData, decodeCopyData),
  backend('DataRow', BACKEND.dataRow, fc.record({ values }), encodeDataRow, decodeDataRow),
  backend('ErrorResponse', BACKEND.errorResponse, responseFields, encodeErrorResponse, decodeErrorResponse),
  backend('NoticeResponse', BACKEND.noticeResponse, responseFields, encodeNoticeResponse, decodeNoticeResponse),
  backend(
    'FunctionCallResponse',
    BACKEND.functionCallResponse,
    fc.record({ value: nullable }),
    encodeFunctionCallResponse,
    decodeFunctionCallResponse,
  ),
  backend(
    'NegotiateProtocolVersion',
    BACKEND.negotiateProtocolVersion,
    fc.record({ newestMinor: fc.nat(0xffff), unrecognized: fc.array(text, { maxLength: 4 }) }),
    encodeNegotiateProtocolVersion,
    decodeNegotiateProtocolVersion,
  ),
  backend(
    'NotificationResponse',
    BACKEND.notificationResponse,
    fc.record({ processId: int32, channel: text, payload: text }),
    encodeNotificationResponse,
    decodeNotificationResponse,
  ),
  backend(
    'ParameterDescription',
    BACKEND.parameterDescription,
    fc.record({ types: fc.array(oid) }),
    encodeParameterDescription,
    decodeParameterDescription,
  ),
  backend(
    'ParameterStatus',
    BACKEND.parameterStatus,
    fc.record({ name: text, value: text }),
    encodeParameterStatus,
    decodeParameterStatus,
  ),
  backend(
    'ReadyForQuery',
    BACKEND.readyForQuery,
    fc.record({ status: fc.constantFrom('idle' as const, 'transaction' as const, 'failed' as const) }),
    encodeReadyForQuery,
    decodeReadyForQuery,
  ),
  backend(
    'RowDescription',
    BACKEND.rowDescription,
    fc.record({ fields: fc.array(field, { maxLength: 6 }) }),
    encodeRowDescription,
    decodeRowDescription,
  ),
]

/** Whole frames of one direction, in any order. */
export const streams = (direction: Codec['direction']): fc.Arbitrary<Uint8Array[]> =>
  fc.array(
    fc.oneof(
      ...codecs.filter(each => each.direction === direction).map(each => each.samples.map(({ frame }) => frame)),
    ),
    { maxLength: 12 },
  )
