import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CorpusDatabase,
  DIRECT_USERS,
  type LeakCase,
  type LeakCorpusOptions,
  readBenignCases,
  readCanaries,
  readLeakCases,
  runBenignCorpus,
  runLeakCorpus,
  SERVER_SETTINGS,
  verdictsOf,
} from '../src/index.ts'

// They need a server that lets its own connections in without a password, or lets the agent replicate.
const NEED_ANOTHER_SERVER = new Set([
  'L-dblink-dblink',
  'L-dblink-dblink-cursor',
  'L-file-copy-program-psql',
  'L-replication-walsender-sql',
])

let server: PostgresServer
let database: CorpusDatabase
let login: LeakCorpusOptions['login']
let cases: readonly LeakCase[]

beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: SERVER_SETTINGS })
  database = await CorpusDatabase.open('app', server, async () => undefined)
  cases = await readLeakCases()
  const { host, port } = server
  login = role => {
    const { user, password } = role === 'superuser' ? server : DIRECT_USERS[role]
    return { host, port, user, password, database: 'app' }
  }
})
afterAll(async () => {
  await database.close()
  await server.stop()
})

describe('without the gateway the corpus shows what it must: a test that can’t fail proves nothing', () => {
  test('an attack of every category leaks', { timeout: 120_000 }, async () => {
    const able = cases.filter(({ id }) => !NEED_ANOTHER_SERVER.has(id))
    const firsts = [...new Map(able.toReversed().map(one => [one.category, one])).values()]
    const runs = await runLeakCorpus({
      login,
      database,
      cases: firsts,
      canaries: await readCanaries(),
      parallel: 4,
      onProgress: () => undefined,
    })
    expect([...verdictsOf(runs).values()].filter(({ verdict }) => verdict !== 'leaked')).toEqual([])
    expect(firsts.length).toBe(new Set(cases.map(({ category }) => category)).size)
  })

  test('every benign statement gives what it should', async () => {
    const runs = await runBenignCorpus({ login, database, cases: await readBenignCases(), onProgress: () => undefined })
    expect(runs.filter(({ wrong }) => wrong !== null)).toEqual([])
    expect(runs.length).toBeGreaterThan(140)
  })

  test('what is masked from the start doesn’t leak: the detectors find the values and not the statements', async () => {
    const runs = await runLeakCorpus({
      login,
      database,
      cases: cases.filter(({ category, leaks }) => category === 'projection' && leaks === 'raw'),
      canaries: { absent: 'a text that is nowhere' },
      parallel: 4,
      onProgress: () => undefined,
    })
    expect(new Set(runs.map(({ verdict }) => verdict))).toEqual(new Set(['hidden']))
  })
})
