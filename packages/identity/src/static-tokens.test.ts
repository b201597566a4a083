import { verifierLaws } from '@querywarden/policy-testing'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../test/refusal.ts'
import { STATIC_ISSUER, staticTokens } from './static-tokens.ts'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000
const verify = staticTokens({
  tokens: [
    { token: 'let-devin-in', subject: 'devin', groups: ['ai-agents'] },
    { token: 'let-dana-in', subject: 'dana', groups: ['dba'], expiresAt: NOW + 60_000 },
  ],
})
const login = (token: string, now = NOW) => verify({ kind: 'bearer', token, remoteAddress: '127.0.0.1' }, now)

test('a token stands for its subject, for an hour at a time', async () => {
  expect(await login('let-devin-in')).toEqual({
    issuer: STATIC_ISSUER,
    subject: 'devin',
    groups: ['ai-agents'],
    actor: null,
    expiresAt: NOW + HOUR,
    credentialDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect((await login('let-dana-in')).expiresAt).toBe(NOW + 60_000)
  expect(await refusalOf(verify, 'let-dana-in', NOW + 60_000, '127.0.0.1')).toBe('TOKEN_EXPIRED')
})

test.each(['', 'let-devin-i', 'let-devin-in ', 'LET-DEVIN-IN', 'x'.repeat(5000)])('%j is unknown', async token => {
  expect(await refusalOf(verify, token, NOW, '127.0.0.1')).toBe('UNKNOWN_TOKEN')
})

test.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('good from %s', async address => {
  expect(await refusalOf(verify, 'let-devin-in', NOW, address)).toBe('taken')
})
test.each(['', '10.0.0.1', '128.0.0.1', '1127.0.0.1', '::2', '::ffff:10.0.0.1', '127.0.0.1.example.com', 'localhost'])(
  'not good from %j',
  async address => {
    expect(await refusalOf(verify, 'let-devin-in', NOW, address)).toBe('NOT_LOOPBACK')
  },
)

test('tokens that are short, alike, or could be a JWT are refused at once', () => {
  const make = (...tokens: string[]) =>
    staticTokens({ tokens: tokens.map(token => ({ token, subject: 's', groups: [] })) })
  for (const tokens of [['short'], ['one-token', 'one-token'], ['aaaa.bbbb.cccc'], ['x'.repeat(2000)]]) {
    expect(() => make(...tokens)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  }
  expect(() => staticTokens({ tokens: [], sessionMsMax: Number.NaN })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  )
})

describe('the laws of every verifier', () => {
  for (const law of verifierLaws(async () => ({ verify, goodToken: 'let-dana-in', now: NOW }), { runs: 500 })) {
    test(law.name, law.check)
  }
})
