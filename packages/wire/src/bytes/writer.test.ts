import { describe, expect, test } from 'vitest'
import { encodeAuthentication } from '../postgres/backend/authentication.ts'
import { encodeBackendKeyData } from '../postgres/backend/backend-key-data.ts'
import { encodeDataRow } from '../postgres/backend/data-row.ts'
import { encodeFunctionCallResponse } from '../postgres/backend/function-call-response.ts'
import { encodeParameterDescription } from '../postgres/backend/parameter-description.ts'
import { encodeErrorResponse } from '../postgres/backend/response-fields.ts'
import { encodeCopyData } from '../postgres/copy-data.ts'
import { encodeBind } from '../postgres/frontend/bind.ts'
import { encodeFunctionCall } from '../postgres/frontend/function-call.ts'
import { encodeGssResponse } from '../postgres/frontend/gss-response.ts'
import { encodeQuery } from '../postgres/frontend/query.ts'
import { encodeSaslInitialResponse } from '../postgres/frontend/sasl-initial-response.ts'
import { encodeSaslResponse } from '../postgres/frontend/sasl-response.ts'
import { encodeCancelRequest, encodeStartup } from '../postgres/startup.ts'
import { FrameError } from './frame-error.ts'
import { LENGTH_MAX, Writer } from './writer.ts'

/** Bytes that say they are far longer than any test machine's memory. */
const claiming = (byteLength: number): Uint8Array =>
  Object.defineProperty(new Uint8Array(1), 'byteLength', { value: byteLength })

const refusal = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error instanceof FrameError ? error.code : error
  }
  return 'nothing was thrown'
}

describe('E1 a value whose length would wrap is refused before it is written', () => {
  test.each([
    2 ** 30,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 31 + 1,
    2 ** 32 - 5,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 32 + 4,
    2 ** 53,
    -1,
    Number.NaN,
    0.5,
  ])('%d bytes', length => {
    const value = claiming(length)
    expect(refusal(() => encodeDataRow({ values: [value] }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeCopyData({ data: value }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeSaslResponse({ data: value }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeGssResponse({ data: value }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeSaslInitialResponse({ mechanism: 'X', response: value }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeFunctionCallResponse({ value }))).toBe('UNENCODABLE')
    for (const kind of ['gss-continue', 'sasl-continue', 'sasl-final'] as const) {
      expect(refusal(() => encodeAuthentication({ kind, data: value }))).toBe('UNENCODABLE')
    }
    expect(refusal(() => encodeBackendKeyData({ processId: 1, secretKey: value }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeCancelRequest(1, value))).toBe('UNENCODABLE')
    const bind = { portal: '', statement: '', parameterFormats: [], resultFormats: [], parameters: [value] }
    expect(refusal(() => encodeBind(bind))).toBe('UNENCODABLE')
    const call = { functionOid: 1, argumentFormats: [], arguments: [value], resultFormat: 'text' } as const
    expect(refusal(() => encodeFunctionCall(call))).toBe('UNENCODABLE')
  })

  test('text longer than any frame', () => {
    const query = Object.create(String.prototype, { length: { value: 2 ** 32 + 1 } })
    expect(refusal(() => encodeQuery({ query }))).toBe('UNENCODABLE')
    expect(refusal(() => encodeStartup(new Map([['user', query]])))).toBe('UNENCODABLE')
    expect(refusal(() => encodeErrorResponse({ fields: new Map([['M', query]]) }))).toBe('UNENCODABLE')
  })

  test('values that only overflow together', () => {
    const writer = new Writer(0x44)
    writer.bytes(new Uint8Array(1024))
    expect(refusal(() => writer.bytes(claiming(LENGTH_MAX - 1024)))).toBe('UNENCODABLE')
    expect(refusal(() => writer.bytes(claiming(LENGTH_MAX - 1027)))).toBe('UNENCODABLE')
  })

  test('counts of more than their 16 bits', () => {
    const nulls = (length: number): null[] => new Array<null>(length).fill(null)
    expect(refusal(() => encodeDataRow({ values: nulls(0x8000) }))).toBe('UNENCODABLE')
    expect(encodeDataRow({ values: nulls(0x7fff) }).subarray(5, 7)).toEqual(Uint8Array.of(0x7f, 0xff))
    expect(refusal(() => encodeParameterDescription({ types: new Array<number>(0x1_0000).fill(0) }))).toBe(
      'UNENCODABLE',
    )
    expect(encodeParameterDescription({ types: new Array<number>(0xffff).fill(0) })[5]).toBe(0xff)
  })

  test('numbers outside their field', () => {
    const writer = new Writer(null)
    for (const value of [-1, 256, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(refusal(() => writer.byte(value))).toBe('UNENCODABLE')
    }
    expect(refusal(() => writer.int16(0x8000))).toBe('UNENCODABLE')
    expect(refusal(() => writer.uint16(-1))).toBe('UNENCODABLE')
    expect(refusal(() => writer.int32(2 ** 31))).toBe('UNENCODABLE')
    expect(refusal(() => writer.uint32(2 ** 32))).toBe('UNENCODABLE')
    expect(writer.finish()).toEqual(Uint8Array.of(0, 0, 0, 4))
  })
})

describe('E8 text that would end early or change on the way is refused', () => {
  test.each([
    { what: 'a NUL', text: 'x\0user\0admin' },
    { what: 'a final NUL', text: 'x\0' },
    { what: 'a high surrogate alone', text: 'a\ud800b' },
    { what: 'a low surrogate alone', text: 'a\udc00' },
  ])('$what', ({ text }) => {
    expect(refusal(() => new Writer(null).cstring(text))).toBe('UNENCODABLE')
  })

  test('the refusal does not repeat the text', () => {
    expect(() => new Writer(null).cstring('secret\0')).toThrow(/^(?!.*secret)/)
  })
})

test('a frame that outgrows its first room keeps all that was written', () => {
  const writer = new Writer(0x5a, 0)
  for (let i = 0; i < 300; i++) writer.uint16(i)
  const frame = writer.finish()
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  expect(view.getUint32(1)).toBe(604)
  expect(Array.from({ length: 300 }, (_, i) => view.getUint16(5 + i * 2))).toEqual(
    Array.from({ length: 300 }, (_, i) => i),
  )
})
