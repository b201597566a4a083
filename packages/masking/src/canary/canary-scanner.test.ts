import { describe, expect, test } from 'vitest'
import { type Canary, canaryScanner } from './canary-scanner.ts'

const PLANTED: Canary = { name: 'planted', value: 'Zebra "4417" & <quartz>\\\n' }
const scanner = canaryScanner([PLANTED, { name: 'other', value: 'xylophone' }])
const find = (text: string): string | null => {
  const found = scanner.find(Buffer.from(text), 0, Buffer.byteLength(text))
  expect(scanner.cell(text)).toBe(found)
  return found
}
const encoded = (ahead: string): string => Buffer.from(`${ahead}${PLANTED.value} and more`).toString('base64')

describe('P10: the forms that a planted value has on the wire', () => {
  test.each([
    ['as it is', `a ${PLANTED.value}`],
    ['upper()', PLANTED.value.toUpperCase()],
    ['lower()', PLANTED.value.toLowerCase()],
    ['bytea', `\\x00${Buffer.from(PLANTED.value).toString('hex')}`],
    ['encode(…, hex) in upper case', Buffer.from(PLANTED.value).toString('hex').toUpperCase()],
    ['JSON', JSON.stringify({ a: PLANTED.value })],
    ['an array', '{1,"Zebra \\"4417\\" & <quartz>\\\\\n"}'],
    ['a row', '(1,"Zebra ""4417"" & <quartz>\\\\\n")'],
    ['CSV', '1,"Zebra ""4417"" & <quartz>\\\n"'],
    ['COPY text', '1\tZebra "4417" & <quartz>\\\\\\n\t2'],
    ['XML', '<a>Zebra "4417" &amp; &lt;quartz&gt;\\\n</a>'],
    ['base64', encoded('')],
    ['base64, one on', encoded('1')],
    ['base64, two on', encoded('12')],
  ])('%s', (_form, text) => expect(find(text)).toBe('planted'))

  test('no other value, and no part of one', () => {
    expect(find('zebra 4417 & quartz')).toBeNull()
    expect(find('xylophon e')).toBeNull()
    expect(find('')).toBeNull()
  })

  test('what comes in single bytes', () => {
    const stream = scanner.stream()
    const found = Array.from(Buffer.from('the xylophone'), byte => stream.push(Uint8Array.of(byte), 0, 1))
    expect(found.filter(name => name !== null)).toEqual(['other'])
    stream.push(Buffer.from('xylo'), 0, 4)
    stream.reset()
    expect(stream.push(Buffer.from('phone'), 0, 5)).toBeNull()
  })
})

test.each([
  [[]],
  [[{ name: 'short', value: 'abcde' }]],
  [[{ name: 'long', value: 'x'.repeat(1_025) }]],
  [[{ name: 'with NUL', value: 'abcdef\0' }]],
  [Array.from({ length: 65 }, (_, i) => ({ name: String(i), value: `canary ${i}` }))],
])('canaries that would alarm at random, or never, are refused', canaries => {
  expect(() => canaryScanner(canaries)).toThrow(expect.objectContaining({ code: 'BAD_CANARY' }))
})
