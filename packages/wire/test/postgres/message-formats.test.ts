import { describe, expect, test } from 'vitest'
import {
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  COPY_DONE,
  decodeEmpty,
  decodeStartup,
  EMPTY_QUERY_RESPONSE,
  encodeCancelRequest,
  encodeGssencRequest,
  encodeSslRequest,
  encodeStartup,
  FLUSH,
  FrameError,
  NO_DATA,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
  SYNC,
  TERMINATE,
} from '../../src/postgres/index.ts'
import { codecs } from './codecs.ts'
import { ascii, written } from './notation.ts'

// Written out by hand from the PostgreSQL 18 manual, 54.7 Message Formats, field after field.
const formats: readonly { direction: string; name: string; frame: string; value: unknown }[] = [
  {
    direction: 'frontend',
    name: 'Query',
    frame: "'Q' 0000000d 'select 1' 00",
    value: { query: 'select 1', queryBytes: ascii('select 1') },
  },
  {
    direction: 'frontend',
    name: 'Parse',
    frame: "'P' 0000001f 's1' 00 'select $1, $2' 00 0002 00000017 00000000",
    value: { name: 's1', query: 'select $1, $2', queryBytes: ascii('select $1, $2'), parameterTypes: [23, 0] },
  },
  {
    direction: 'frontend',
    name: 'Bind',
    frame: "'B' 0000001e 'p' 00 's1' 00 0002 0000 0001 0002 00000001 '7' ffffffff 0001 0001",
    value: {
      portal: 'p',
      statement: 's1',
      parameterFormats: [0, 1],
      parameters: [ascii('7'), null],
      resultFormats: [1],
    },
  },
  {
    direction: 'frontend',
    name: 'Describe',
    frame: "'D' 00000008 'S' 's1' 00",
    value: { kind: 'statement', name: 's1' },
  },
  { direction: 'frontend', name: 'Close', frame: "'C' 00000007 'P' 'p' 00", value: { kind: 'portal', name: 'p' } },
  { direction: 'frontend', name: 'Execute', frame: "'E' 00000009 00 00000064", value: { portal: '', rowsMax: 100 } },
  { direction: 'frontend', name: 'CopyData', frame: "'d' 00000006 'a' 0a", value: { data: Uint8Array.of(0x61, 10) } },
  { direction: 'frontend', name: 'CopyFail', frame: "'f' 00000009 'gone' 00", value: { reason: 'gone' } },
  { direction: 'frontend', name: 'PasswordMessage', frame: "'p' 00000008 'tok' 00", value: { password: 'tok' } },
  {
    direction: 'frontend',
    name: 'SASLInitialResponse',
    frame: "'p' 0000001b 'SCRAM-SHA-256' 00 00000005 'n,,n=' ",
    value: { mechanism: 'SCRAM-SHA-256', response: ascii('n,,n=') },
  },
  { direction: 'frontend', name: 'SASLResponse', frame: "'p' 00000007 'c=b'", value: { data: ascii('c=b') } },
  {
    direction: 'frontend',
    name: 'GSSResponse',
    frame: "'p' 00000006 6082",
    value: { data: Uint8Array.of(0x60, 0x82) },
  },
  {
    direction: 'frontend',
    name: 'FunctionCall',
    frame: "'F' 00000013 000007d1 0000 0001 00000001 '1' 0001",
    value: { functionOid: 2001, argumentFormats: [], arguments: [ascii('1')], resultFormat: 'binary' },
  },
  { direction: 'backend', name: 'Authentication', frame: "'R' 00000008 00000000", value: { kind: 'ok' } },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 00000008 00000003",
    value: { kind: 'cleartext-password' },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 0000000c 00000005 00ff8001",
    value: { kind: 'md5-password', salt: Uint8Array.of(0, 255, 128, 1) },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 0000002a 0000000a 'SCRAM-SHA-256-PLUS' 00 'SCRAM-SHA-256' 00 00",
    value: { kind: 'sasl', mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 0000000b 0000000b 'r=x'",
    value: { kind: 'sasl-continue', data: ascii('r=x') },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 0000000b 0000000c 'v=x'",
    value: { kind: 'sasl-final', data: ascii('v=x') },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 00000008 00000009",
    value: { kind: 'sspi' },
  },
  { direction: 'backend', name: 'Authentication', frame: "'R' 00000008 00000002", value: { kind: 'kerberos-v5' } },
  { direction: 'backend', name: 'Authentication', frame: "'R' 00000008 00000007", value: { kind: 'gss' } },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 0000000a 00000008 6082",
    value: { kind: 'gss-continue', data: Uint8Array.of(0x60, 0x82) },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: "'R' 00000009 0000000d 00",
    value: { kind: 'unsupported', type: 13, data: Uint8Array.of(0) },
  },
  {
    direction: 'backend',
    name: 'BackendKeyData',
    frame: "'K' 0000000c 00000a7f 01020304",
    value: { processId: 2687, secretKey: Uint8Array.of(1, 2, 3, 4) },
  },
  { direction: 'backend', name: 'CommandComplete', frame: "'C' 0000000d 'UPDATE 3' 00", value: { tag: 'UPDATE 3' } },
  {
    direction: 'backend',
    name: 'CopyInResponse',
    frame: "'G' 0000000b 00 0002 0000 0000",
    value: { format: 'text', columnFormats: ['text', 'text'] },
  },
  {
    direction: 'backend',
    name: 'CopyOutResponse',
    frame: "'H' 0000000b 01 0002 0001 0001",
    value: { format: 'binary', columnFormats: ['binary', 'binary'] },
  },
  {
    direction: 'backend',
    name: 'CopyBothResponse',
    frame: "'W' 00000007 00 0000",
    value: { format: 'text', columnFormats: [] },
  },
  {
    direction: 'backend',
    name: 'DataRow',
    frame: "'D' 00000014 0003 00000002 '42' ffffffff 00000000",
    value: { values: [ascii('42'), null, new Uint8Array(0)] },
  },
  {
    direction: 'backend',
    name: 'ErrorResponse',
    frame: "'E' 00000017 'SERROR' 00 'C42501' 00 'Mno' 00 00",
    value: {
      fields: new Map([
        ['S', 'ERROR'],
        ['C', '42501'],
        ['M', 'no'],
      ]),
      lossy: false,
    },
  },
  {
    direction: 'backend',
    name: 'NoticeResponse',
    frame: "'N' 00000009 'Mhi' 00 00",
    value: { fields: new Map([['M', 'hi']]), lossy: false },
  },
  { direction: 'backend', name: 'FunctionCallResponse', frame: "'V' 00000008 ffffffff", value: { value: null } },
  {
    direction: 'backend',
    name: 'NegotiateProtocolVersion',
    frame: "'v' 00000013 00030002 00000001 '_pq_.x' 00",
    value: { newestMinor: 2, unrecognized: ['_pq_.x'] },
  },
  // Captured: PostgreSQL 15.18 and 18.4 asked for 3.99 and for an option that nobody has (E9).
  {
    direction: 'backend',
    name: 'NegotiateProtocolVersion',
    frame: "'v' 00000013 00030000 00000001 5f70715f2e7800",
    value: { newestMinor: 0, unrecognized: ['_pq_.x'] },
  },
  {
    direction: 'backend',
    name: 'Authentication',
    frame: '52 00000017 0000000a 534352414d2d5348412d323536 00 00',
    value: { kind: 'sasl', mechanisms: ['SCRAM-SHA-256'] },
  },
  {
    direction: 'backend',
    name: 'NotificationResponse',
    frame: "'A' 0000000f 00000a7f 'jobs' 00 '7' 00",
    value: { processId: 2687, channel: 'jobs', payload: '7' },
  },
  {
    direction: 'backend',
    name: 'ParameterDescription',
    frame: "'t' 0000000e 0002 00000017 00000019",
    value: { types: [23, 25] },
  },
  {
    direction: 'backend',
    name: 'ParameterStatus',
    frame: "'S' 0000000f 'DateStyle' 00 '' 00 ",
    value: { name: 'DateStyle', value: '' },
  },
  { direction: 'backend', name: 'ReadyForQuery', frame: "'Z' 00000005 'I'", value: { status: 'idle' } },
  { direction: 'backend', name: 'ReadyForQuery', frame: "'Z' 00000005 'T'", value: { status: 'transaction' } },
  { direction: 'backend', name: 'ReadyForQuery', frame: "'Z' 00000005 'E'", value: { status: 'failed' } },
  {
    direction: 'backend',
    name: 'RowDescription',
    frame: "'T' 0000001c 0001 'ssn' 00 0000401e 0002 00000019 ffff ffffffff 0000",
    value: {
      fields: [{ name: 'ssn', tableOid: 16414, attnum: 2, typeOid: 25, typeSize: -1, typmod: -1, format: 'text' }],
    },
  },
]

test.each(formats)('$direction $name is $frame', ({ direction, name, frame, value }) => {
  const codec = codecs.find(each => each.direction === direction && each.name === name)!
  const bytes = written(frame)
  expect(bytes[0]).toBe(codec.tag)
  expect(new DataView(bytes.buffer).getUint32(1)).toBe(bytes.length - 1)
  expect(codec.decode(bytes.subarray(5))).toEqual(value)
  expect(codec.reencode(bytes.subarray(5))).toEqual(bytes)
})

test('every message has a row in the table', () => {
  const rows = new Set(formats.map(({ direction, name }) => `${direction} ${name}`))
  const untold = codecs.map(({ direction, name }) => `${direction} ${name}`).filter(each => !rows.has(each))
  expect(untold).toEqual(['backend CopyData'])
})

describe('packets of start-up', () => {
  test.each([
    {
      packet: "00000021 0003 0000 'user' 00 'devin' 00 'database' 00 'app' 00 00",
      value: {
        kind: 'startup',
        major: 3,
        minor: 0,
        parameters: new Map([
          ['user', 'devin'],
          ['database', 'app'],
        ]),
      },
    },
    { packet: '00000008 04d2 162f', value: { kind: 'ssl-request' } },
    { packet: '00000008 04d2 1630', value: { kind: 'gssenc-request' } },
    {
      packet: '00000010 04d2 162e 00000a7f 01020304',
      value: { kind: 'cancel-request', processId: 2687, secretKey: Uint8Array.of(1, 2, 3, 4) },
    },
  ])('$packet', ({ packet, value }) => {
    expect(decodeStartup(written(packet))).toEqual(value)
  })

  test('are written as the manual has them', () => {
    expect(encodeSslRequest()).toEqual(written('00000008 04d2 162f'))
    expect(encodeGssencRequest()).toEqual(written('00000008 04d2 1630'))
    expect(encodeCancelRequest(2687, Uint8Array.of(1, 2, 3, 4))).toEqual(
      written('00000010 04d2 162e 00000a7f 01020304'),
    )
    expect(encodeStartup(new Map([['user', 'devin']]), { minor: 2 })).toEqual(
      written("00000014 0003 0002 'user' 00 'devin' 00 00"),
    )
    expect(encodeStartup(new Map())).toEqual(written('00000009 0003 0000 00'))
  })
})

test.each([
  { name: 'Sync', frame: SYNC, bytes: "'S' 00000004" },
  { name: 'Flush', frame: FLUSH, bytes: "'H' 00000004" },
  { name: 'Terminate', frame: TERMINATE, bytes: "'X' 00000004" },
  { name: 'CopyDone', frame: COPY_DONE, bytes: "'c' 00000004" },
  { name: 'ParseComplete', frame: PARSE_COMPLETE, bytes: "'1' 00000004" },
  { name: 'BindComplete', frame: BIND_COMPLETE, bytes: "'2' 00000004" },
  { name: 'CloseComplete', frame: CLOSE_COMPLETE, bytes: "'3' 00000004" },
  { name: 'NoData', frame: NO_DATA, bytes: "'n' 00000004" },
  { name: 'EmptyQueryResponse', frame: EMPTY_QUERY_RESPONSE, bytes: "'I' 00000004" },
  { name: 'PortalSuspended', frame: PORTAL_SUSPENDED, bytes: "'s' 00000004" },
])('$name is $bytes', ({ frame, bytes }) => {
  expect(frame).toEqual(written(bytes))
  expect(() => decodeEmpty(frame.subarray(5))).not.toThrow()
  expect(() => decodeEmpty(Uint8Array.of(0))).toThrow(FrameError)
})
