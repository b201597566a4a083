import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** The fields of an error or a notice. Manual 54.8. */
export interface ResponseFields {
  /**
   * Texts by field code: `S` severity, `V` severity untranslated, `C` SQLSTATE, `M` message, `D` detail, `H` hint and
   * others (manual 54.8). There is at least one, and none comes twice.
   */
  readonly fields: ReadonlyMap<string, string>
  /**
   * True where a text wasn't UTF-8 and holds U+FFFD for what couldn't be read. A server that fails before it knows the
   * client's encoding writes its own; those bytes are lost here, and the fields don't encode back to them.
   */
  readonly lossy: boolean
}

/** ErrorResponse: a statement failed, or the session did. Manual 54.7. */
export type ErrorResponse = ResponseFields

/** NoticeResponse: a warning, or something to know. Manual 54.7. */
export type NoticeResponse = ResponseFields

/**
 * Reads the body of an ErrorResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const sqlstate = decodeErrorResponse(frame.body).fields.get('C')
 */
export function decodeErrorResponse(body: Uint8Array): ErrorResponse {
  return decodeResponseFields(body, 'ErrorResponse')
}

/**
 * Reads the body of a NoticeResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * decodeNoticeResponse(frame.body).fields.get('M')
 */
export function decodeNoticeResponse(body: Uint8Array): NoticeResponse {
  return decodeResponseFields(body, 'NoticeResponse')
}

/**
 * The frame of an ErrorResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeErrorResponse({ fields: new Map([['S', 'ERROR'], ['V', 'ERROR'], ['C', '42501'], ['M', 'denied by no-ddl']]) })
 */
export function encodeErrorResponse(response: Pick<ErrorResponse, 'fields'>): Uint8Array {
  return encodeResponseFields(BACKEND.errorResponse, response.fields)
}

/**
 * The frame of a NoticeResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeNoticeResponse({ fields: new Map([['S', 'NOTICE'], ['C', '00000'], ['M', 'waiting for approval']]) })
 */
export function encodeNoticeResponse(response: Pick<NoticeResponse, 'fields'>): Uint8Array {
  return encodeResponseFields(BACKEND.noticeResponse, response.fields)
}

function decodeResponseFields(body: Uint8Array, message: string): ResponseFields {
  const reader = new Reader(body, message)
  const fields = new Map<string, string>()
  let lossy = false
  for (let byte = reader.byte(); byte !== 0; byte = reader.byte()) {
    if (!isFieldCode(byte)) throw reader.malformed(`has field code ${byte}, expected printable ASCII`)
    const code = String.fromCharCode(byte)
    // Manual 54.8: any given field type appears at most once.
    if (fields.has(code)) throw reader.malformed(`has field \`${code}\` twice`)
    const value = reader.lossyCstring()
    fields.set(code, value.text)
    lossy ||= value.lossy
  }
  if (fields.size === 0) throw reader.malformed('has no field')
  reader.end()
  return { fields, lossy }
}

function encodeResponseFields(tag: number, fields: ReadonlyMap<string, string>): Uint8Array {
  if (fields.size === 0) throw new FrameError('UNENCODABLE', 'error or notice has no field, expected at least one')
  const writer = new Writer(tag, 256)
  for (const [code, text] of fields) {
    const byte = code.charCodeAt(0)
    if (code.length !== 1 || !isFieldCode(byte)) {
      throw new FrameError('UNENCODABLE', 'field code is not one printable ASCII character')
    }
    writer.byte(byte)
    writer.cstring(text)
  }
  writer.byte(0)
  return writer.finish()
}

function isFieldCode(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f
}
