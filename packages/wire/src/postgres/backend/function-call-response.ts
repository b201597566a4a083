import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** FunctionCallResponse: what a FunctionCall gave. Manual 54.7. */
export interface FunctionCallResponse {
  readonly value: Uint8Array | null
}

/**
 * Reads the body of a FunctionCallResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { value } = decodeFunctionCallResponse(frame.body)
 */
export function decodeFunctionCallResponse(body: Uint8Array): FunctionCallResponse {
  const reader = new Reader(body, 'FunctionCallResponse')
  const value = reader.nullableBytes()
  reader.end()
  return { value }
}

/**
 * The frame of a FunctionCallResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeFunctionCallResponse({ value: null })
 */
export function encodeFunctionCallResponse({ value }: FunctionCallResponse): Uint8Array {
  const writer = new Writer(BACKEND.functionCallResponse)
  writer.nullableBytes(value)
  return writer.finish()
}
