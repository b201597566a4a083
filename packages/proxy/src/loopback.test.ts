import { describe, expect, test } from 'vitest'
import { isLoopback, isThisHost } from './loopback.ts'

describe('an address of this host', () => {
  test.each(['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '%s',
    address => {
      expect(isLoopback(address)).toBe(true)
    },
  )
  test.each([
    undefined,
    '',
    '128.0.0.1',
    '10.127.0.1',
    '0.0.0.0',
    '::',
    '::2',
    '::ffff:128.0.0.1',
    '127.0.0.1.example.com',
    '127.example.com',
    '::ffff:127.example.com',
    '127.1',
    '[::1]',
  ])('is not %s', address => {
    expect(isLoopback(address)).toBe(false)
  })
})

test('a host of a URL may have brackets or be localhost, and no other name will do', () => {
  expect(['localhost', '[::1]', '::1', '127.0.0.1'].every(isThisHost)).toBe(true)
  expect(['localhost.example.com', 'LOCALHOST.', '127.example.com', '[::2]', ''].some(isThisHost)).toBe(false)
})
