import { mkdir, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOidcProvider, startPostgres } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CommandWorld, type ConfigParts, startCommandWorld } from './command-world.ts'
import { freePort } from './free-port.ts'
import { SCHEMA, SECRETS } from './governed-database.ts'

// Every step is a process of its own, and machines are shared.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let world: CommandWorld
beforeAll(async () => {
  world = await startCommandWorld()
})
afterAll(() => world.stop())

describe.concurrent('up says in one message why it does not start, and exits with 2', () => {
  /** Starts it, expects it to give up, and gives what it said. */
  async function refusal(config: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { exit, out, err } = await world.run(['up', '-c', config], env)
    expect({ exit, isUp: out.includes('is up') }).toEqual({ exit: 2, isUp: false })
    expect(err).toMatch(/^querywarden: /)
    expect(err).not.toMatch(/\n\s+at /)
    return err.slice('querywarden: '.length).trimEnd()
  }
  const withFile = async (name: string, text: string): Promise<string> => {
    await writeFile(join(world.dir, name), text)
    return name
  }

  test('no file', async () => {
    expect(await refusal('none.yaml')).toBe(
      "configuration file `none.yaml` can't be read (ENOENT); name one with -c FILE",
    )
  })

  test('malformed YAML', async () => {
    expect(await refusal(await withFile('bad.yaml', 'listen: { postgres: {\n'))).toMatch(/bad\.yaml:\d+:\d+: /)
  })

  test('an unknown key', async () => {
    expect(await refusal(await world.configure({ more: 'recordings: {}' }))).toMatch(
      /querywarden-\d+\.yaml:13:1: recordings: unknown key, did you mean recording\?$/,
    )
  })

  test('a secret that is not there', async () => {
    expect(await refusal(await world.configure({ password: '{ env: NOT_SET }' }))).toBe(
      'environment variable `NOT_SET` is not set, and the configuration takes a secret from it',
    )
    expect(await refusal(await world.configure({ password: '{ file: none.txt }' }))).toMatch(
      /^secret file `.*none\.txt` can't be read \(ENOENT\)$/,
    )
  })

  test('a policy with mistakes, all of them at once', async () => {
    const policy = await withFile('mistakes.yaml', 'version: 1\nrule: []\nrules:\n  - { id: a, decision: permit }\n')
    expect((await refusal(await world.configure({ policy }))).split('\n')).toEqual([
      expect.stringMatching(/mistakes\.yaml:2:1: rule: unknown key, did you mean rules\?$/),
      expect.stringMatching(/mistakes\.yaml:4:24: rules\[0\]\.decision: expected one of allow, approve, deny$/),
    ])
    expect(await refusal(await world.configure({ policy: 'none.yaml' }))).toMatch(
      /^policy file `.*none\.yaml` can't be read \(ENOENT\)$/,
    )
  })

  test('a mask on a column that does not exist', async () => {
    const policy = await withFile(
      'misfit.yaml',
      'version: 1\nrules:\n  - { id: a, decision: allow, what: { effects: [read] } }\nmasks:\n  - { columns: ["public.customers.snn"], with: redact }\n',
    )
    expect(await refusal(await world.configure({ policy }))).toBe(
      'the policy does not fit the schema of target `app`:\nmasks[0].columns[0]: public.customers.snn names no column of the relation, did you mean ssn?',
    )
  })

  test('F36: a hash mask without a key, and with one that can be guessed', async () => {
    const policy = await withFile(
      'hash.yaml',
      'version: 1\nrules:\n  - { id: a, decision: allow, what: { effects: [read] } }\nmasks:\n  - { columns: ["public.customers.ssn"], with: hash }\n',
    )
    expect(await refusal(await world.configure({ policy }))).toMatch(/`masking\.hash_key` is not set/)
    expect(
      await refusal(await world.configure({ policy, more: 'masking: { hash_key: { env: SHORT } }' }), { SHORT: 'abc' }),
    ).toMatch(/has 3 bytes, expected at least 16/)
  })

  test('a port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => holder.once('listening', resolve))
    const bound = holder.address()
    const address = `{ address: 127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0} }`
    try {
      for (const [key, parts] of [
        ['postgres', { postgres: address }],
        ['admin', { admin: address }],
      ] as const) {
        const config = await world.configure(parts)
        expect(await refusal(config)).toMatch(
          new RegExp(`^\`listen\\.${key}\\.address\`: can't listen on 127\\.0\\.0\\.1:\\d+: the port is taken`),
        )
        // What it had opened by then is closed: the next start finds nothing to recover.
        const next = await world.configure({
          recording: `{ dir: ${config.replace(/.*querywarden-(\d+).*/, './recordings-$1')} }`,
        })
        const gateway = await world.up(next)
        expect((await gateway.end('SIGTERM')).out).not.toContain('earlier process')
      }
    } finally {
      holder.close()
    }
  })

  test('recordings where nothing can be written', async () => {
    const file = await withFile('a-file', '')
    for (const dir of [`${file}/recordings`, '/sys/recordings'])
      expect(await refusal(await world.configure({ recording: `{ dir: ${dir} }` }))).toMatch(
        /^recordings directory `.*recordings` can't be written \([A-Z]+\); make it writable for this user, or name another in `recording\.dir`$/,
      )
  })

  test('a recording key that is none', async () => {
    const recording = '{ dir: ./keyed, key: { env: REC_KEY } }'
    expect(await refusal(await world.configure({ recording }), { REC_KEY: 'hunter2' })).toBe(
      'the recording key must be 64 hexadecimal digits; make one with: openssl rand -hex 32',
    )
    await mkdir(join(world.dir, 'half'))
    await withFile('half/recording.key', 'abc')
    expect(await refusal(await world.configure({ recording: '{ dir: ./half }' }))).toMatch(
      /^key file `.*recording\.key`: the recording key must be 64 hexadecimal digits/,
    )
  })

  test.each<[string, ConfigParts, RegExp]>([
    [
      'development tokens within reach of the network',
      {
        postgres: '{ address: 0.0.0.0:0, tls: { cert: c, key: k } }',
        identity: '{ kind: static, tokens: [{ token: { env: DEV }, subject: devin }] }',
      },
      /^identity `static` is for development/,
    ],
    ['tokens in the clear', { postgres: '{ address: 0.0.0.0:0 }' }, /so it needs `tls`/],
    ['a name that begins like a loopback address', { postgres: '{ address: 127.example.com:0 }' }, /so it needs `tls`/],
    [
      'the admin API within reach of the network',
      { admin: '{ address: 0.0.0.0:0 }' },
      /^`listen\.admin\.address` must be on/,
    ],
    [
      'a certificate that is none',
      { postgres: '{ address: 127.0.0.1:0, tls: { cert: policy.yaml, key: policy.yaml } }' },
      /can't be read as a PEM pair$/,
    ],
    [
      'an authority that is none',
      { url: 'postgres://a@127.0.0.1/b?sslmode=verify-full&sslrootcert=policy.yaml' },
      /^`targets\.app\.url`: sslrootcert `.*policy\.yaml` can't be read as PEM certificates$/,
    ],
    [
      'an issuer in the clear',
      { identity: '{ kind: oidc, issuer: "http://idp.example.com", audience: q }' },
      /^identity: /,
    ],
  ])('%s', async (_, parts, message) => {
    expect(await refusal(await world.configure(parts), { DEV: 'a-development-token' })).toMatch(message)
  })
})

describe('up goes on where something else is at fault, and says what', () => {
  test('a database that is down: 08006 until it is up', async () => {
    const port = await freePort()
    const gateway = await world.up(await world.configure({ url: `postgres://svc_app@127.0.0.1:${port}/app` }))
    expect(gateway.out()).toMatch(/"level":40.*target can not be read yet/)
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '08006' })
    const door = createServer(socket => {
      const inner = connect(world.database.port, '127.0.0.1')
      for (const [from, to] of [
        [socket, inner],
        [inner, socket],
      ] as const)
        from.on('error', () => to.destroy()).pipe(to)
    })
    await new Promise<void>(resolve => door.listen(port, '127.0.0.1', resolve))
    try {
      const client = await gateway.logIn()
      expect((await client.query('select count(*)::int as n from orders')).rows).toEqual([{ n: 3 }])
      await client.end()
    } finally {
      door.close()
    }
    expect((await gateway.end('SIGTERM')).exit).toBe(0)
  })

  test('a database that refuses the gateway’s password', async () => {
    const gateway = await world.up(await world.configure({ password: '{ env: WRONG }' }), { WRONG: 'not-the-password' })
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '08006' })
    const { exit, out } = await gateway.end('SIGTERM')
    expect(exit).toBe(0)
    expect(out).not.toContain('not-the-password')
  })

  test('an issuer that does not answer: 28000, and the gateway stays up', async () => {
    const issuer = await startOidcProvider()
    const token = await issuer.token()
    await issuer.stop()
    const gateway = await world.up(
      await world.configure({ identity: `{ kind: oidc, issuer: "${issuer.issuer}", audience: querywarden }` }),
    )
    await expect(gateway.logIn(token)).rejects.toMatchObject({
      code: '28000',
      message: expect.stringMatching(/^login refused: .*(key|issuer)/),
    })
    expect((await gateway.end('SIGTERM')).exit).toBe(0)
  })
})

test('a database is spoken to over TLS by its own authority, and by no other', async () => {
  const database = await startPostgres({ database: 'app', tls: true })
  try {
    await database.exec(SCHEMA)
    const { ca, selfSigned } = database.certificates ?? { ca: '', selfSigned: { cert: '' } }
    await writeFile(join(world.dir, 'ca.crt'), ca)
    await writeFile(join(world.dir, 'other.crt'), selfSigned.cert)
    const upWith = async (file: string) =>
      world.up(
        await world.configure({
          url: `postgres://postgres@127.0.0.1:${database.port}/app?sslmode=verify-full&sslrootcert=${file}`,
          password: '{ env: PG }',
        }),
        { PG: database.password },
      )
    const gateway = await upWith('ca.crt')
    const client = await gateway.logIn()
    expect((await client.query('select ssn from customers where id = 1')).rows).toEqual([{ ssn: '[redacted]' }])
    expect(
      await database.exec(
        "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'querywarden'",
      ),
    ).toEqual([{ ssl: true }])
    await client.end()
    await gateway.end('SIGTERM')
    const wrong = await upWith('other.crt')
    await expect(wrong.logIn()).rejects.toMatchObject({ code: '08006' })
    await wrong.end('SIGTERM')
  } finally {
    await database.stop()
  }
})

test('SIGTERM ends sessions with 57P01, exits with 0, and every recording is COMPLETE', async () => {
  const config = await world.configure()
  const gateway = await world.up(config)
  const clients = await Promise.all([gateway.logIn(), gateway.logIn(), gateway.logIn()])
  for (const client of clients) await client.query('select name from customers')
  const goodbyes = Promise.all(
    clients.map(client => new Promise<unknown>(resolve => client.once('error', error => resolve(error)))),
  )
  const { exit, out } = await gateway.end('SIGTERM')
  expect(exit).toBe(0)
  expect(await goodbyes).toEqual(clients.map(() => expect.objectContaining({ code: '57P01' })))
  const dir = config.replace(/querywarden-(\d+)\.yaml$/, 'recordings-$1')
  const verified = await world.run(['sessions', 'verify', '--all', '--dir', dir])
  expect(verified).toMatchObject({ exit: 0, err: '' })
  expect(verified.out.match(/COMPLETE/g)).toHaveLength(3)
  // Nothing that the log said was a secret.
  const secrets = [
    world.env['DB_PASSWORD'] ?? '',
    await world.agentToken().then(token => token.slice(0, 20)),
    ...SECRETS,
  ]
  for (const secret of secrets) expect(out).not.toContain(secret)
})

test('kill -9 in a session: the next start seals the recording as TORN, and no intent is lost', async () => {
  const config = await world.configure({ recording: '{ dir: ./killed }' })
  const dir = join(world.dir, 'killed')
  const first = await world.up(config)
  const client = await first.logIn()
  await client.query("insert into notes values (1, 'recorded before it ran')")
  // Not over when the process dies: what was let run must be there all the same.
  const cut = client.query('select pg_sleep(30)').catch(() => undefined)
  void cut
  await sleep(300)
  await first.end('SIGKILL')

  const second = await world.up(config)
  expect(second.out()).toContain('an earlier process left this recording open; it is sealed now')
  const verified = await world.run(['sessions', 'verify', '--all', '--dir', dir])
  expect(verified.exit).toBe(1)
  const [, id = ''] = /^(\S+) {2}TORN .*sealed by boot/m.exec(verified.out) ?? []
  const replayed = await world.run(['sessions', 'replay', id, '--dir', dir])
  expect(replayed.exit).toBe(0)
  expect(replayed.out).toContain('insert into notes values')
  expect(replayed.out).toContain('done: INSERT 0 1')
  expect(replayed.out).toContain('pg_sleep')
  await second.end('SIGTERM')
  const listed = await world.run(['sessions', 'list', '--dir', dir])
  expect(listed.out).toContain('recovered')
})

test('a session that may record no more ends with 58000, and nothing runs unrecorded', async () => {
  const config = await world.configure({ recording: '{ dir: ./small, bytes_per_session: 65536 }' })
  const gateway = await world.up(config)
  const client = await gateway.logIn()
  const failure = await (async () => {
    for (let id = 100; id < 1_000; id++) {
      const outcome = await client
        .query(`insert into notes values (${id}, '${'x'.repeat(2_000)}')`)
        .catch((error: unknown) => error)
      if (outcome instanceof Error) return outcome
    }
    return null
  })()
  expect(failure).toMatchObject({ code: '58000' })
  const [{ count }] = (await world.database.exec('select count(*)::int from notes where id >= 100', 'app')) as [
    { count: number },
  ]
  await gateway.end('SIGTERM')
  const dir = join(world.dir, 'small')
  const listed = JSON.parse((await world.run(['sessions', 'list', '--json', '--dir', dir])).out) as {
    recording: string
  }[]
  const replayed = await world.run(['sessions', 'replay', listed[0]?.recording ?? '', '--dir', dir])
  expect(replayed.out.match(/allowed: INSERT/g)).toHaveLength(count)
  expect(count).toBeGreaterThan(10)
})
