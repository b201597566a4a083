import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { environmentOf, programPath, type Ran, run, start } from './programs.ts'
import { COMMANDS } from './psql-commands.ts'
import { runPsql } from './psql-script.ts'
import { SNIPPETS } from './psql-snippets.ts'
import { RICH_SCHEMA } from './rich-schema.ts'

let world: GovernedServer
beforeAll(async () => {
  world = await startGovernedServer({ major: 18, schema: RICH_SCHEMA })
})
afterAll(() => world.stop())

/** The same programs against the libpq of the server's own major, 18. */
const libpq18 = (): Record<string, string> => ({ LD_LIBRARY_PATH: world.server.libDir })

const ask = (route: Route, parameters: string, more: Readonly<Record<string, string>>): Promise<Ran> =>
  run(programPath('psql'), ['-X', '-A', '-t', '-c', 'select 42', parameters], environmentOf(route, more))

const IN = { code: 0, stdout: '42\n', stderr: '' }

/** Connection strings that must do on each route, by the version of libpq that knows them. */
const BOTH: readonly string[] = [
  'sslmode=disable',
  'sslmode=allow',
  'sslmode=prefer',
  'sslmode=require',
  'sslmode=verify-ca',
  'sslmode=verify-full host=localhost',
  'sslmode=require ssl_min_protocol_version=TLSv1.3',
  'sslmode=require ssl_max_protocol_version=TLSv1.2',
  'sslmode=require gssencmode=disable',
  'sslmode=prefer gssencmode=prefer',
  'sslmode=require channel_binding=prefer',
  "options='' sslmode=disable",
  'application_name=mine fallback_application_name=yours client_encoding=auto',
  'keepalives_idle=30 tcp_user_timeout=1000 target_session_attrs=read-write',
]

const ONLY_18: readonly string[] = [
  'sslmode=require sslnegotiation=postgres',
  'sslmode=disable max_protocol_version=3.2',
  'sslmode=require max_protocol_version=latest',
  'sslmode=disable load_balance_hosts=random',
]

/** Protocol 3.2 and TLS from the first byte on. */
const NEWEST: readonly string[] = [
  'sslmode=verify-full host=localhost sslnegotiation=direct',
  'sslmode=disable min_protocol_version=3.2 max_protocol_version=3.2',
  'sslmode=require sslnegotiation=direct min_protocol_version=3.2 max_protocol_version=3.2',
]

describe('the libpq that psql comes with', () => {
  test.each(BOTH)('logs in with %s', async parameters => {
    expect(await ask(world.direct, parameters, {})).toEqual(IN)
    expect(await ask(world.governed, parameters, {})).toEqual(IN)
  })
})

describe('libpq 18', () => {
  test.each([...BOTH, ...ONLY_18, ...NEWEST])('logs in with %s', async parameters => {
    expect(await ask(world.direct, parameters, libpq18())).toEqual(IN)
    expect(await ask(world.governed, parameters, libpq18())).toEqual(IN)
  })

  test('runs what psql can do, by protocol 3.2 over direct TLS', async () => {
    const more = {
      ...libpq18(),
      PGSSLMODE: 'require',
      PGSSLNEGOTIATION: 'direct',
      PGMINPROTOCOLVERSION: '3.2',
      PGMAXPROTOCOLVERSION: '3.2',
    }
    const parts = new Map([...COMMANDS.slice(0, 20).map(text => [text, text] as const), ...SNIPPETS])
    const printed: ReadonlyMap<string, string>[] = []
    for (const route of [world.direct, world.governed]) {
      await world.reset()
      printed.push(await runPsql(route, parts, more))
    }
    expect(printed[1]).toEqual(printed[0])
    expect(printed[0]?.size).toBe(parts.size)
  })

  test.each(['3.0', '3.2'])('cancels a query, by protocol %s', async version => {
    for (const route of [world.direct, world.governed]) {
      const more = { ...libpq18(), PGMINPROTOCOLVERSION: version, PGMAXPROTOCOLVERSION: version, PGSSLMODE: 'require' }
      const psql = start(programPath('psql'), ['-X', '-q', '-f', '-'], environmentOf(route, more), stdout => {
        if (stdout.includes('begun')) setTimeout(() => psql.kill('SIGINT'), 200)
      })
      psql.write('\\echo begun\nselect pg_sleep(20);\n')
      psql.end()
      expect((await psql.done).stderr).toContain('canceling statement due to user request')
    }
  })

  test('pipelines', async () => {
    const bench = await run(
      programPath('pgbench'),
      ['-i', '-q', '-I', 'dtgp'],
      environmentOf(world.governed, libpq18()),
    )
    expect(bench.code).toBe(0)
    const script = join(world.dir, 'pipeline.sql')
    const text =
      '\\set a random(1, 1000)\n\\startpipeline\nselect abalance from pgbench_accounts where aid = :a;\nselect :a;\n\\endpipeline\n'
    await writeFile(script, text)
    const args = ['-n', '-M', 'prepared', '-t', '50', '-c', '2', '-f', script]
    const { code, stdout } = await run(programPath('pgbench'), args, environmentOf(world.governed, libpq18()))
    expect([code, stdout]).toEqual([0, expect.stringContaining('number of failed transactions: 0 ')])
  })
})

test.each([
  ['replication=database', 'replication'],
  ["options='-c search_path=shop'", 'options'],
  ['client_encoding=LATIN1', 'client_encoding'],
])('a login with %s is refused', async (parameters, named) => {
  expect((await ask(world.direct, parameters, {})).code).toBe(0)
  const refused = await ask(world.governed, parameters, {})
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`\`${named}\``)])
})

test.each([
  ['channel_binding=require', 'channel binding'],
  ['require_auth=scram-sha-256', 'authentication method requirement'],
])('a client that insists on a login without a token, %s, does not come in', async (parameters, why) => {
  expect((await ask(world.direct, `sslmode=require ${parameters}`, libpq18())).code).toBe(0)
  const refused = await ask(world.governed, `sslmode=require ${parameters}`, libpq18())
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(why)])
})
