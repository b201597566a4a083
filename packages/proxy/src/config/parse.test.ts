import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { ConfigError } from './config-error.ts'
import { parseConfig } from './parse.ts'

const FULL = `listen:
  postgres: { address: 127.0.0.1:6432 }
  admin: { address: "[::1]:6480" }
identity:
  - kind: oidc
    issuer: https://idp.example.com
    audience: querywarden
targets:
  app:
    dialect: postgres
    url: postgres://svc_app@127.0.0.1:5432/app
    password: { env: APP_DB_PASSWORD }
policy: ./policy.yaml
recording: { dir: ./recordings }
`
const parse = (text: string) => parseConfig(text, '/etc/qw/querywarden.yaml')

function errorOf(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof ConfigError) {
      expect(error.code).toBe('INVALID')
      return error.message
    }
    throw error
  }
  return 'no error'
}
/** The full example with one text replaced, which must be in it. */
function edited(from: string, to: string): string {
  expect(FULL).toContain(from)
  return FULL.replace(from, to)
}

test('what is left out has its default, and files are found beside the configuration', () => {
  expect(parse(FULL)).toEqual({
    file: '/etc/qw/querywarden.yaml',
    listen: {
      postgres: { host: '127.0.0.1', port: 6_432, tls: null },
      admin: { host: '::1', port: 6_480 },
      metrics: null,
    },
    identity: [
      {
        kind: 'oidc',
        issuer: 'https://idp.example.com',
        audience: 'querywarden',
        algorithms: ['RS256', 'ES256'],
        tokenType: 'access',
        groupsClaim: 'groups',
        keptClaims: [],
        authorizedParties: null,
        lifetimeMaxMs: 3_600_000,
      },
    ],
    targets: [
      {
        name: 'app',
        dialect: 'postgres',
        address: { host: '127.0.0.1', port: 5_432 },
        user: 'svc_app',
        database: 'app',
        password: { kind: 'env', name: 'APP_DB_PASSWORD' },
        tls: { mode: 'off' },
        loginMethods: ['scram-sha-256', 'scram-sha-256-plus'],
        searchPath: ['public'],
        canaries: [],
      },
    ],
    policyFile: '/etc/qw/policy.yaml',
    masking: { hashKey: null },
    recording: {
      dir: '/etc/qw/recordings',
      key: null,
      durability: 'standard',
      bytesPerSessionMax: 1_073_741_824,
      checkpoints: null,
      upload: null,
      retention: null,
      stream: [],
    },
    limits: {
      sessionsMax: 500,
      sessionsPerIdentityMax: 125,
      loginMsMax: 10_000,
      failedLoginsPerMinuteMax: 600,
      failedCancelsPerMinuteMax: 600,
      idleMsMax: 3_600_000,
      sessionMsMax: 86_400_000,
      drainMsMax: 30_000,
      frameBytesMax: 16_777_216,
      approvalsPendingMax: 200,
      catalogMaxAgeMs: 60_000,
      catalogProbeMs: 1_000,
      lagMsMax: 200,
      readMsMax: 50,
      readingThreadsMax: 2,
      memoryBytesMax: null,
    },
    log: { level: 'info' },
    workers: 1,
  })
})

test('every key can be given', () => {
  const config = parse(`listen:
  postgres: { address: 0.0.0.0:6432, tls: { cert: server.crt, key: /keys/server.key } }
  admin: { address: localhost:0 }
  metrics: { address: 0.0.0.0:9464 }
identity:
  - { kind: oidc, issuer: "https://a.example", audience: q, algorithms: [EdDSA], token: id, claims: { groups: roles }, authorized_parties: [cli], lifetime_max_seconds: 60 }
  - { kind: static, tokens: [{ token: { file: dev.token }, subject: devin, groups: [ai-agents] }] }
targets:
  app: { dialect: postgres, url: "postgres://u@db/app?sslrootcert=ca.crt", password: { file: db.pw }, search_path: [app, public] }
  other.one: { dialect: postgres, url: "postgres://u@[::1]/b" }
policy: /policies/p.yaml
masking: { hash_key: { file: hash.key } }
recording: { dir: rec, key: { env: REC_KEY }, durability: strict, bytes_per_session: 65536 }
state: memory
limits: { sessions: 1, login_seconds: 2, message_bytes: 65536, approvals_pending: 3, catalog_age_seconds: 4, memory_mb: 512 }
log: { level: warn }
workers: 4
`)
  expect(config).toMatchObject({
    listen: {
      postgres: { tls: { cert: '/etc/qw/server.crt', key: '/keys/server.key' } },
      metrics: { host: '0.0.0.0', port: 9_464 },
    },
    identity: [
      { tokenType: 'id', groupsClaim: 'roles', authorizedParties: ['cli'], lifetimeMaxMs: 60_000 },
      { kind: 'static', tokens: [{ token: { kind: 'file', path: '/etc/qw/dev.token' } }] },
    ],
    targets: [
      {
        name: 'app',
        password: { kind: 'file', path: '/etc/qw/db.pw' },
        tls: { mode: 'verify-full', ca: '/etc/qw/ca.crt' },
        searchPath: ['app', 'public'],
      },
      { name: 'other.one', password: null },
    ],
    policyFile: '/policies/p.yaml',
    masking: { hashKey: { kind: 'file', path: '/etc/qw/hash.key' } },
    recording: { dir: '/etc/qw/rec', key: { kind: 'env', name: 'REC_KEY' }, durability: 'strict' },
    limits: {
      sessionsMax: 1,
      loginMsMax: 2_000,
      approvalsPendingMax: 3,
      catalogMaxAgeMs: 4_000,
      catalogProbeMs: 1_000,
      lagMsMax: 200,
      readMsMax: 50,
      readingThreadsMax: 2,
      memoryBytesMax: 536_870_912,
    },
    log: { level: 'warn' },
    workers: 4,
  })
})

describe('what two keys say together', () => {
  const tlsOf = (keys: string) =>
    parse(edited('127.0.0.1:6432 }', `127.0.0.1:6432, tls: { cert: c.crt, key: c.key${keys} } }`)).listen.postgres.tls
  const methodsOf = (keys: string) =>
    parse(edited('@127.0.0.1:5432/app', `@db.example.com/app${keys}`)).targets[0]?.loginMethods

  test('an authority for client certificates means that they are required, unless it says otherwise', () => {
    expect(tlsOf('')?.clientCertificates).toEqual({ kind: 'off' })
    expect(tlsOf(', client_ca: a.crt')?.clientCertificates).toEqual({ kind: 'required', ca: '/etc/qw/a.crt' })
    expect(tlsOf(', client_ca: a.crt, client_certificates: optional')?.clientCertificates).toMatchObject({
      kind: 'optional',
    })
    expect(tlsOf(', client_ca: a.crt, client_certificates: off')?.clientCertificates).toEqual({ kind: 'off' })
  })

  test('E11: channel binding that is required leaves the database one way to ask', () => {
    expect(methodsOf('')).toEqual(['scram-sha-256', 'scram-sha-256-plus'])
    expect(methodsOf('\n    channel_binding: require')).toEqual(['scram-sha-256-plus'])
    expect(methodsOf('\n    require_auth: [scram-sha-256]')).toEqual(['scram-sha-256'])
  })

  test('one identity may have a quarter of the sessions, ten at least, or what the configuration says', () => {
    const limitOf = (keys: string) => parse(`${FULL}limits: { ${keys} }\n`).limits.sessionsPerIdentityMax
    expect([limitOf('sessions: 2000'), limitOf('sessions: 3'), limitOf('sessions_per_identity: 7')]).toEqual([
      500, 10, 7,
    ])
  })
})

describe('a mistake is named with file, line, column, key and what was expected', () => {
  const REFERENCE = 'expected { env: NAME } or { file: PATH }: secrets are named here, never written'
  test.each([
    ['a typing error', '  admin:', '  admn:', ['3:3: listen.admn: unknown key, did you mean admin?']],
    [
      'no port',
      '127.0.0.1:6432',
      '127.0.0.1',
      ['2:24: listen.postgres.address: expected host:port, such as 127.0.0.1:6432'],
    ],
    [
      'a port too high',
      '127.0.0.1:6432',
      '127.0.0.1:65536',
      ['2:24: listen.postgres.address: expected host:port, such as 127.0.0.1:6432'],
    ],
    [
      'a kind that isn’t there',
      'kind: oidc',
      'kind: ldap',
      ['5:11: identity[0].kind: expected kind: oidc or kind: static'],
    ],
    [
      'a shared secret to sign with',
      '    audience: querywarden',
      '    audience: querywarden\n    algorithms: [HS256]',
      ['8:18: identity[0].algorithms[0]: expected one of '],
    ],
    [
      'a password in the URL',
      'svc_app@',
      'svc_app:hunter2@',
      ['11:10: targets.app.url: holds a password, expected it by reference: password: { env: NAME }'],
    ],
    ['a password in the open', '{ env: APP_DB_PASSWORD }', 'hunter2', [`12:15: targets.app.password: ${REFERENCE}`]],
    ['a secret of two places', '{ env: APP_DB_PASSWORD }', '{ env: A, file: b }', ['12:15: targets.app.password']],
    [
      'another dialect',
      'dialect: postgres',
      'dialect: mysql',
      ['10:14: targets.app.dialect: expected postgres: other dialects are not served yet'],
    ],
    [
      'another store',
      'policy: ',
      'state: { postgres: {} }\npolicy: ',
      ['13:8: state: expected memory: other stores are not there yet'],
    ],
    [
      'a target name with a blank',
      '  app:',
      '  "my app":',
      ['10:5: targets."my app": expected a name of at most 63 letters, digits, dots, dashes and underscores'],
    ],
    [
      'a text for a number',
      'recording:',
      'limits: { sessions: many }\nrecording:',
      ['14:21: limits.sessions: expected a number'],
    ],
    [
      'a limit of none',
      'recording:',
      'limits: { sessions: 0 }\nrecording:',
      ['14:21: limits.sessions: expected at least 1'],
    ],
    ['no policy', 'policy: ./policy.yaml\n', '', [': policy: missing, expected a text']],
    [
      'client certificates of no authority',
      '127.0.0.1:6432 }',
      '127.0.0.1:6432, tls: { cert: c, key: k, client_certificates: required } }',
      ['2:45: listen.postgres.tls: client_certificates needs client_ca'],
    ],
    [
      'a login weaker than SCRAM',
      'dialect: postgres',
      'dialect: postgres\n    require_auth: [md5]',
      ['11:20: targets.app.require_auth[0]: expected scram-sha-256 or scram-sha-256-plus'],
    ],
    [
      'channel binding without TLS',
      'dialect: postgres',
      'dialect: postgres\n    channel_binding: require',
      ['targets.app: asks for channel binding, which needs TLS'],
    ],
    [
      'channel binding by a login without',
      'dialect: postgres',
      'dialect: postgres\n    require_auth: [scram-sha-256]\n    channel_binding: require',
      ['targets.app: channel_binding: require needs scram-sha-256-plus among require_auth'],
    ],
    ['a key twice', 'policy: ./policy.yaml', 'policy: ./policy.yaml\npolicy: ./b.yaml', ['14:1: key given twice']],
    ['a bracket that stays open', '{ dir: ./recordings }', '{ dir: ./recordings', ['15:1: ']],
    [
      'two mistakes at once',
      'listen:\n',
      'lisen: {}\nlisten:\n  x: 1\n',
      ['1:1: lisen: unknown key, did you mean listen?', '3:3: listen.x: unknown key, expected one of postgres, admin'],
    ],
  ])('%s', (_, from, to, expected) => {
    const message = errorOf(edited(from, to))
    for (const line of expected) expect(message).toContain(line)
    for (const line of message.split('\n')) expect(line).toMatch(/^\/etc\/qw\/querywarden\.yaml:\d+:\d+: /)
    expect(message).not.toContain('hunter2')
  })

  test('no target at all', () => {
    const [before, after] = [FULL.slice(0, FULL.indexOf('targets:')), FULL.slice(FULL.indexOf('policy:'))]
    expect(errorOf(`${before}targets: {}\n${after}`)).toContain('targets: expected at least one target')
  })

  test.each(['', '[]', 'text', '{}'])('a file of %j', text => {
    expect(errorOf(text)).toMatch(/^\/etc\/qw\/querywarden\.yaml:1:1: /)
  })
})

test('as many workers as there are processors, or a number, and nothing else', () => {
  expect(parse(`${FULL}\nworkers: auto\n`).workers).toBe(availableParallelism())
  for (const wrong of ['0', '-1', '1.5', 'many', '129'])
    expect(errorOf(`${FULL}\nworkers: ${wrong}\n`)).toMatch(/:16:10: workers: expected /)
})

describe('O4: a configuration', () => {
  test('can not be changed once it was checked, in no part', () => {
    const config = parse(FULL)
    const changes: (() => void)[] = [
      () => Object.assign(config, { policyFile: '/tmp/other.yaml' }),
      () => Object.assign(config.limits, { sessionsMax: 1e9 }),
      () => Object.assign(config.targets[0] ?? {}, { name: 'other' }),
      () => Object.assign(config.listen.postgres, { host: '0.0.0.0' }),
    ]
    for (const change of changes) expect(change).toThrow(TypeError)
  })

  test('sets nothing on what all objects inherit', () => {
    const names = parse(edited('targets:\n', 'targets:\n  __proto__: { polluted: yes }\n')).targets.map(one => one.name)
    expect(names).toEqual(['app'])
    expect(errorOf(edited('targets:\n', 'targets:\n  constructor: { polluted: yes }\n'))).toContain('unknown key')
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})
