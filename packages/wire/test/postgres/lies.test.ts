import { describe, expect, test } from 'vitest'
import {
  encodeAuthentication,
  encodeBackendKeyData,
  encodeBind,
  encodeCopyInResponse,
  encodeErrorResponse,
  encodeExecute,
  encodeFunctionCall,
  FrameError,
} from '../../src/postgres/index.ts'
import { codecs } from './codecs.ts'
import { written } from './notation.ts'

const lies: readonly { name: string; what: string; body: string }[] = [
  { name: 'Query', what: 'no terminator', body: "'select 1'" },
  { name: 'Query', what: 'bytes after the terminator', body: "'select 1' 00 '; drop table t' 00" },
  { name: 'Query', what: 'nothing', body: '' },
  { name: 'Query', what: 'text that is not UTF-8', body: "'select ' 83 5c 00" },
  { name: 'Parse', what: 'a count of one with no type', body: "00 'select 1' 00 0001" },
  { name: 'Parse', what: 'a count of -1', body: "00 'select 1' 00 ffff" },
  { name: 'Parse', what: 'a type more than counted', body: "00 'select 1' 00 0000 00000017" },
  { name: 'Parse', what: 'text with a NUL', body: "00 'select 1' 00 ' ; x' 00 0000" },
  { name: 'Parse', what: 'no count', body: "00 'select 1' 00" },
  { name: 'Bind', what: 'a parameter of -2 bytes', body: '00 00 0000 0001 fffffffe 0000' },
  { name: 'Bind', what: 'a parameter of -2147483648 bytes', body: '00 00 0000 0001 80000000 0000' },
  { name: 'Bind', what: 'a parameter longer than the body', body: "00 00 0000 0001 00000004 'a' 0000" },
  { name: 'Bind', what: 'a parameter of 2 GiB', body: "00 00 0000 0001 7fffffff 'a' 0000" },
  { name: 'Bind', what: '65 535 parameters in a few bytes', body: '00 00 0000 ffff ffffffff 0000' },
  { name: 'Bind', what: 'a parameter fewer than there are', body: "00 00 0000 0001 00000001 'a' 00000001 'b' 0000" },
  { name: 'Bind', what: 'no result formats', body: "00 00 0000 0001 00000001 'a'" },
  {
    name: 'Bind',
    what: 'P6 three formats for two parameters',
    body: '00 00 0003 000000000000 0002 ffffffff ffffffff 0000',
  },
  { name: 'Bind', what: 'P6 format code 7', body: '00 00 0001 0007 0001 ffffffff 0000' },
  { name: 'Bind', what: 'P6 format code -1', body: '00 00 0000 0001 ffffffff 0001 ffff' },
  { name: 'Bind', what: 'bytes at the end', body: '00 00 0000 0000 0000 00' },
  { name: 'Describe', what: 'kind T', body: "'T' 's1' 00" },
  { name: 'Describe', what: 'a NUL more', body: "'S' 's1' 00 00" },
  { name: 'Close', what: 'a small letter', body: "'p' 00" },
  { name: 'Close', what: 'no name', body: "'P'" },
  { name: 'Execute', what: 'a limit of -1 rows', body: '00 ffffffff' },
  { name: 'Execute', what: 'half a limit', body: '00 0000' },
  { name: 'CopyFail', what: 'no terminator', body: "'gone'" },
  { name: 'PasswordMessage', what: 'a NUL inside', body: "'tok' 00 'en' 00" },
  { name: 'SASLInitialResponse', what: 'a response of -2 bytes', body: "'X' 00 fffffffe" },
  { name: 'SASLInitialResponse', what: 'a response shorter than the rest', body: "'X' 00 00000001 'ab'" },
  { name: 'FunctionCall', what: 'two formats for one argument', body: '000007d1 0002 00000000 0001 ffffffff 0000' },
  { name: 'FunctionCall', what: 'a result in format 2', body: '000007d1 0000 0000 0002' },
  { name: 'Authentication', what: 'ok and more', body: '00000000 00' },
  { name: 'Authentication', what: 'Kerberos and more', body: '00000002 00' },
  { name: 'Authentication', what: 'GSS and more', body: '00000007 00' },
  { name: 'Authentication', what: 'SSPI and more', body: '00000009 00' },
  { name: 'Authentication', what: 'no type', body: '' },
  { name: 'Authentication', what: 'a salt of three bytes', body: '00000005 010203' },
  { name: 'Authentication', what: 'a salt of five bytes', body: '00000005 0102030405' },
  { name: 'Authentication', what: 'mechanisms without their end', body: "0000000a 'X' 00" },
  { name: 'Authentication', what: 'mechanisms after their end', body: "0000000a 'X' 00 00 'Y' 00" },
  { name: 'Authentication', what: 'no mechanism', body: '0000000a 00' },
  { name: 'BackendKeyData', what: 'E9 a key of three bytes', body: '00000001 010203' },
  { name: 'BackendKeyData', what: 'E9 a key of 257 bytes', body: `00000001 ${'00'.repeat(257)}` },
  { name: 'CommandComplete', what: 'bytes after the terminator', body: "'SELECT 1' 00 'x'" },
  { name: 'CopyInResponse', what: 'a binary column in text', body: '00 0002 0000 0001' },
  { name: 'CopyOutResponse', what: 'format 2', body: '02 0000' },
  { name: 'CopyOutResponse', what: 'a column of format 2', body: '01 0001 0002' },
  { name: 'CopyBothResponse', what: 'a count of -1', body: '00 ffff' },
  { name: 'DataRow', what: 'E11 a value of -2 bytes', body: '0001 fffffffe' },
  { name: 'DataRow', what: 'a count of -1', body: 'ffff' },
  { name: 'DataRow', what: 'a value fewer than counted', body: '0002 ffffffff' },
  { name: 'DataRow', what: 'a value more than counted', body: '0001 ffffffff ffffffff' },
  { name: 'DataRow', what: 'a value longer than the row', body: "0001 00000003 'ab'" },
  { name: 'ErrorResponse', what: 'no end', body: "'Mno' 00" },
  { name: 'ErrorResponse', what: 'fields after the end', body: "'Mno' 00 00 'Myes' 00 00" },
  { name: 'ErrorResponse', what: 'no field', body: '00' },
  { name: 'ErrorResponse', what: 'a message twice', body: "'Mno' 00 'Myes' 00 00" },
  { name: 'ErrorResponse', what: 'a code beyond ASCII', body: "c3 'x' 00 00" },
  { name: 'NoticeResponse', what: 'a control character for a code', body: "01 'x' 00 00" },
  { name: 'FunctionCallResponse', what: 'a value of -2 bytes', body: 'fffffffe' },
  { name: 'NegotiateProtocolVersion', what: 'a minor version alone', body: '00000002 00000000' },
  { name: 'NegotiateProtocolVersion', what: 'a count of -1', body: '00030000 ffffffff' },
  { name: 'NegotiateProtocolVersion', what: 'two billion names', body: '00030000 7fffffff' },
  { name: 'NotificationResponse', what: 'no payload', body: "00000001 'jobs' 00" },
  { name: 'ParameterDescription', what: 'a type fewer than counted', body: '0002 00000017' },
  { name: 'ParameterStatus', what: 'a third string', body: "'a' 00 'b' 00 'c' 00" },
  { name: 'ReadyForQuery', what: 'status X', body: "'X'" },
  { name: 'ReadyForQuery', what: 'two', body: "'II'" },
  { name: 'RowDescription', what: 'P6 a format of 2', body: "0001 'a' 00 00000000 0000 00000019 ffff ffffffff 0002" },
  { name: 'RowDescription', what: 'a count of -1', body: 'ffff' },
  {
    name: 'RowDescription',
    what: 'a column more than counted',
    body: "0000 'a' 00 00000000 0000 00000019 ffff ffffffff 0000",
  },
]

describe('E3 a message that lies about itself is refused', () => {
  test.each(lies)('$name: $what', ({ name, body }) => {
    const codec = codecs.find(each => each.name === name)!
    expect(() => codec.decode(written(body))).toThrow(
      expect.objectContaining({ name: 'FrameError', code: 'MALFORMED' }),
    )
  })

  test('every message with a rule to break is among them', () => {
    const told = new Set(lies.map(({ name }) => name))
    expect(codecs.map(({ name }) => name).filter(name => !told.has(name))).toEqual([
      'CopyData',
      'SASLResponse',
      'GSSResponse',
      'CopyData',
    ])
  })
})

describe('what no message can say is not written', () => {
  const bind = { portal: '', statement: '', parameters: [null, null], parameterFormats: [], resultFormats: [] }
  const call = { functionOid: 1, argumentFormats: [0, 0], arguments: [null], resultFormat: 'text' } as const
  test.each([
    { what: 'three formats for two parameters', act: () => encodeBind({ ...bind, parameterFormats: [0, 0, 0] }) },
    { what: 'format code 7', act: () => encodeBind({ ...bind, resultFormats: [7] }) },
    { what: 'a limit of -1 rows', act: () => encodeExecute({ portal: '', rowsMax: -1 }) },
    { what: 'two formats for one argument', act: () => encodeFunctionCall(call) },
    { what: 'a short salt', act: () => encodeAuthentication({ kind: 'md5-password', salt: new Uint8Array(3) }) },
    { what: 'no mechanism', act: () => encodeAuthentication({ kind: 'sasl', mechanisms: [] }) },
    { what: 'a nameless mechanism', act: () => encodeAuthentication({ kind: 'sasl', mechanisms: ['X', '', 'Y'] }) },
    {
      what: 'ok that calls itself unsupported',
      act: () => encodeAuthentication({ kind: 'unsupported', type: 0, data: new Uint8Array(0) }),
    },
    {
      what: 'SSPI that calls itself unsupported',
      act: () => encodeAuthentication({ kind: 'unsupported', type: 9, data: new Uint8Array(0) }),
    },
    { what: 'a key of 3 bytes', act: () => encodeBackendKeyData({ processId: 1, secretKey: new Uint8Array(3) }) },
    { what: 'a key of 257 bytes', act: () => encodeBackendKeyData({ processId: 1, secretKey: new Uint8Array(257) }) },
    { what: 'a binary column in text', act: () => encodeCopyInResponse({ format: 'text', columnFormats: ['binary'] }) },
    { what: 'an error without a field', act: () => encodeErrorResponse({ fields: new Map() }) },
    { what: 'a field code of two letters', act: () => encodeErrorResponse({ fields: new Map([['MM', 'x']]) }) },
    { what: 'an empty field code', act: () => encodeErrorResponse({ fields: new Map([['', 'x']]) }) },
    { what: 'a field code of NUL', act: () => encodeErrorResponse({ fields: new Map([['\0', 'x']]) }) },
  ])('$what', ({ act }) => {
    expect(act).toThrow(FrameError)
    expect(act).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
  })
})

test('an error in an encoding that is not UTF-8 is read with replacements, and says so', () => {
  const codec = codecs.find(each => each.name === 'ErrorResponse')!
  const body = written("'SFATAL' 00 'C28000' 00 'Mr' f4 'le inconnu' 00 00")
  expect(codec.decode(body)).toEqual({
    fields: new Map([
      ['S', 'FATAL'],
      ['C', '28000'],
      ['M', 'r\ufffdle inconnu'],
    ]),
    lossy: true,
  })
})
