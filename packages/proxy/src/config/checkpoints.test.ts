import { describe, expect, test } from 'vitest'
import { parseConfig } from './parse.ts'

const KEY = 'witness.example.com+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'

const parse = (recording: string) =>
  parseConfig(
    `listen: { postgres: { address: "127.0.0.1:6432" }, admin: { address: "127.0.0.1:6480" } }
identity: [{ kind: static, tokens: [{ token: { env: T }, subject: dev }] }]
targets: { app: { dialect: postgres, url: "postgres://u@127.0.0.1/app?sslmode=disable" } }
policy: p.yaml
recording: ${recording}
`,
    '/etc/qw/querywarden.yaml',
  ).recording.checkpoints

describe('checkpoints', () => {
  test('are not made where nobody asks for them', () => {
    expect(parse('{ dir: rec }')).toBeNull()
  })

  test('F13: may lag fifteen minutes in the standard tier and one in the strict, if nothing is said', () => {
    const key = 'checkpoints: { name: gateway-1, signer: { key: { file: c.key } } }'
    expect(parse(`{ dir: rec, ${key} }`)).toEqual({
      name: 'gateway-1',
      signer: { kind: 'key', key: { kind: 'file', path: '/etc/qw/c.key' } },
      everyMs: 5_000,
      graceMs: 900_000,
      anchors: [],
    })
    expect(parse(`{ dir: rec, durability: strict, ${key} }`)?.graceMs).toBe(60_000)
  })

  test('are signed by a program, and kept in several places', () => {
    const signer = `signer: { command: [/bin/sign, "--key", "7"], public_key: ${KEY}, seconds: 3 }`
    const anchors = `anchors: [{ folder: anchor }, { witness: "https://w.example.com/w1", public_key: ${KEY} }]`
    expect(parse(`{ dir: rec, checkpoints: { ${signer}, every_seconds: 1, grace_seconds: 7, ${anchors} } }`)).toEqual({
      name: null,
      signer: { kind: 'command', command: ['/bin/sign', '--key', '7'], verifierKey: KEY, timeMsMax: 3_000 },
      everyMs: 1_000,
      graceMs: 7_000,
      anchors: [
        { kind: 'folder', dir: '/etc/qw/anchor' },
        { kind: 'witness', url: 'https://w.example.com/w1', verifierKey: KEY },
      ],
    })
  })

  test.each([
    ['no signer', '{ name: a }', /recording.checkpoints.signer: missing, expected \{ key/],
    ['a key without a name', '{ signer: { key: { file: k } } }', /recording.checkpoints: a key needs a name/],
    ['a name with a space', '{ name: "a b", signer: { key: { file: k } } }', /checkpoints.name: expected a name/],
    ['a key in the open', '{ name: a, signer: { key: s3cr3t } }', /checkpoints.signer: expected \{ key/],
    ['an empty command', `{ signer: { command: [], public_key: ${KEY} } }`, /checkpoints.signer/],
    ['a public key that is none', '{ signer: { command: [s], public_key: a } }', /checkpoints.signer/],
    [
      'a place that is none',
      '{ name: a, signer: { key: { file: k } }, anchors: [{ ftp: x }] }',
      /anchors\[0\]: expected/,
    ],
    [
      'a witness without a key',
      '{ name: a, signer: { key: { file: k } }, anchors: [{ witness: "http://w" }] }',
      /anchors/,
    ],
    [
      'a witness that is no web address',
      `{ name: a, signer: { key: { file: k } }, anchors: [{ witness: "file:///w", public_key: ${KEY} }] }`,
      /anchors/,
    ],
    [
      'no grace at all',
      '{ name: a, signer: { key: { file: k } }, grace_seconds: 0 }',
      /grace_seconds: expected at least 1/,
    ],
  ])('with %s are refused', (_, checkpoints, message) => {
    expect(() => parse(`{ dir: rec, checkpoints: ${checkpoints} }`)).toThrow(message)
    try {
      parse(`{ dir: rec, checkpoints: ${checkpoints} }`)
    } catch (error) {
      expect(String(error)).not.toContain('s3cr3t')
    }
  })
})
