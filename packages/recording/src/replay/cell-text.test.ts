import { expect, test } from 'vitest'
import { cellText } from './cell-text.ts'

const micros = (value: bigint): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes.toString('hex')
}

/** As a server sends them (the *_send functions), and as it writes them in text. */
test.each([
  [16, '01', 't'],
  [20, 'fffffffffffffff6', '-10'],
  [21, 'fffe', '-2'],
  [23, '7fffffff', '2147483647'],
  [701, '3ff8000000000000', '1.5'],
  [1700, '0002000000000002000a1388', '10.50'],
  [1700, '0001ffff000000040001', '0.0001'],
  [1700, '0001fffe000000080001', '0.00000001'],
  [1700, '00010001400000000001', '-10000'],
  [1700, '00000000c0000000', 'NaN'],
  [1082, '00000001', '2000-01-02'],
  [1082, '7fffffff', 'infinity'],
  [1083, micros(3_661_000_001n), '01:01:01.000001'],
  [1114, micros(86_401_500_000n), '2000-01-02 00:00:01.5'],
  [1184, micros(-1_000_000n), '1999-12-31 23:59:59+00'],
  [1186, `${micros(-60_000_000n)}0000000200000001`, '1 mons 2 days -00:01:00'],
  [2950, '0198c5d2000070008000000000000001', '0198c5d2-0000-7000-8000-000000000001'],
  [3802, '017b7d', '{}'],
  [869, '022000040a000007', '10.0.0.7'],
  [650, '021801040a000000', '10.0.0.0/24'],
  [1007, '00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003', '{1,NULL,3}'],
  [1009, '00000001000000000000001900000001000000010000000461202262', '{"a \\"b"}'],
  [17, '00ff', '\\x00ff'],
])('type %i: %s is %s', (typeOid, hex, text) => {
  expect(cellText(Buffer.from(hex, 'hex'), { typeOid, format: 'binary' })).toBe(text)
})

test.each([
  [23, '01'],
  [1700, '0002'],
  [1700, '00020000000000020001'],
  [1007, '00000001'],
  [1007, '000000010000000000000017000000030000000100000004'],
  [600, '0102'],
])('R4: type %i in bytes that are none of it, or are of no usual type, is hex', (typeOid, hex) => {
  expect(cellText(Buffer.from(hex, 'hex'), { typeOid, format: 'binary' })).toBe(`\\x${hex}`)
})
