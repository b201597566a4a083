import type { Detector } from '@querywarden/policy-core'
import { DETECTORS } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { findSpans } from './find-spans.ts'

const found = (text: string, ...detectors: Detector[]): string[] =>
  findSpans(new Set(detectors))(text).map(({ start, end }) => text.slice(start, end))

/** Published test numbers of the networks, by length and grouping. */
const CARDS = [
  '4111111111111111',
  '4111 1111 1111 1111',
  '4111-1111-1111-1111',
  '4222222222222',
  '5555555555554444',
  '2223 0031 2200 3222',
  '378282246310005',
  '3782 822463 10005',
  '30569309025904',
  '6011 1111 1111 1117',
  '3530111333300000',
  '6200000000000005',
]
const IBANS = [
  'DE89370400440532013000',
  'GB82 WEST 1234 5698 7654 32',
  'NO9386011117947',
  'MT84MALT011000012345MTLCAST001S',
  'fr1420041010050500013M02606',
]
const EMAILS = ['a@b.co', "o'brien+tag@mail.example.com", 'jürgen@exämple.de', 'x_y@sub-domain.example.museum']
const PHONES = [
  '+14155550123',
  '+44 20 7946 0958',
  '+49 (0)30 901820',
  '(212) 555-0123',
  '212-555-0123',
  '1-212-555-0123',
  '212.555.0123',
]
const SSNS = ['123-45-6789', '078-05-1120', '899 99 9999']

describe.each<[Detector, string[]]>([
  ['credit-card', CARDS],
  ['iban', IBANS],
  ['email', EMAILS],
  ['phone', PHONES],
  ['us-ssn', SSNS],
])('%s', (detector, samples) => {
  test.each(samples)('finds %s, and exactly that', sample => {
    for (const text of [
      sample,
      `(${sample})`,
      `it is ${sample}.`,
      `"${sample}",`,
      `key:${sample};`,
      `${sample}\n`,
      `x, ${sample}, y`,
    ]) {
      expect(found(text, detector), text).toEqual([sample])
    }
  })

  test.each(samples)('finds every one of several: %s', sample => {
    expect(found(`${sample}, ${sample}; ${sample}`, detector)).toEqual([sample, sample, sample])
  })

  test.each(samples.filter(sample => !sample.includes('@') && !sample.startsWith('+') && !sample.startsWith('(')))(
    'does not find %s inside a word or a longer number',
    sample => {
      for (const text of [
        `a${sample}`,
        `7${sample}`,
        `${sample}7`,
        `${sample}z`,
        `_${sample}`,
        `${sample}_`,
        `0.${sample}`,
      ]) {
        expect(found(text, detector), text).not.toContain(sample)
      }
    },
  )
})

describe('what only looks like it', () => {
  test.each([
    '4111111111111112',
    '4111 1111 1111 1112',
    '9400111899223100001234',
    '1Z999AA10123456784',
    '4000000000000000000000000000002',
    '1234567890123456',
    '0000000000000000',
    '4242',
  ])('%s is no card number', text => {
    expect(found(text, 'credit-card')).toEqual([])
  })

  test.each([
    '000-12-3456',
    '666-12-3456',
    '900-12-3456',
    '123-00-4567',
    '123-45-0000',
    '123-45 6789',
    '123456789',
    '1-123-45-6789',
    '123-45-6789-1',
  ])('%s is no social security number', text => {
    expect(found(text, 'us-ssn')).toEqual([])
  })

  test.each(['DE89370400440532013001', 'DE8937040044053201300', 'XX89370400440532013000', 'ADE89370400440532013000'])(
    '%s is no IBAN',
    text => {
      expect(found(text, 'iban')).toEqual([])
    },
  )

  test.each(['a@b', 'a@', '@b.co', 'a @b.co', 'a@b.1', 'a@.co', 'a@b..co', '@@@'])('%s is no address', text => {
    expect(found(text, 'email')).toEqual([])
  })

  test.each([
    '+05:30',
    '12:00:00+0200',
    '2125550123',
    '+01234567890',
    '1+14155550123',
    '112-555-0123',
    '212-155-0123',
    '+1234567',
  ])('%s is no telephone number', text => {
    expect(found(text, 'phone')).toEqual([])
  })

  test.each([
    '123e4567-e89b-12d3-a456-426614174000',
    '11111111-2222-3333-4444-555555555555',
    '2024-05-06 12:34:56.789012+02',
    '2024-05-06T12:34:56.789Z',
    '20240506123456',
    '1700000000000000',
    'iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==',
    'd41d8cd98f00b204e9800998ecf8427e',
    '3.14159265358979323846',
    '-73.985428, 40.748817',
    'v1.2.3-4567.89',
    '$1,234,567,890.12',
    '10 20 30 40 50 60 70 80 90',
  ])('%s is nothing at all', text => {
    expect(found(text, ...DETECTORS)).toEqual([])
  })
})

test('a card is found with its expiry date and check code behind it, and a number of the order before', () => {
  expect(found('order 1234 4111 1111 1111 1111 12/27 123', 'credit-card')).toEqual(['4111 1111 1111 1111'])
})

test('only what is asked for is looked for', () => {
  expect(found('123-45-6789 a@b.co', 'email')).toEqual(['a@b.co'])
  expect(found('123-45-6789 a@b.co')).toEqual([])
})
