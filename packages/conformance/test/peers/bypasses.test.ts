import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rowsIn } from '../../src/attacks/backend-message.ts'
import { runScript } from '../../src/attacks/run-script.ts'
import { corpusFile, type Login, readCanaries } from '../../src/index.ts'
import { type GovernedDatabase, startGovernedDatabase } from '../governed-database.ts'
import { BLUNT, GUARDS, MASKERS, type PeerAttack, SCANNERS } from './attacks.ts'

let governed: GovernedDatabase
let dir: string
let canaries: readonly string[]

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'peers-'))
  const policy = join(dir, 'policy.yaml')
  // Reading alone, behind the corpus's masks; the account is a superuser, so that nothing but the gateway is in the way.
  const text = await readFile(corpusFile('policy.yaml'), 'utf8')
  await writeFile(
    policy,
    text.replace('effects: [read, write, session, transaction]', 'effects: [read, session, transaction]'),
  )
  governed = await startGovernedDatabase(15, policy)
  canaries = Object.values(await readCanaries())
}, 120_000)
afterAll(async () => {
  await governed?.stop()
  await rm(dir, { recursive: true, force: true })
})

/** What an attack gets at an endpoint: whether the database changed, and whether what is masked arrived. */
async function gets(
  attack: PeerAttack,
  login: () => Login,
): Promise<{ readonly writes: boolean; readonly leaks: boolean }> {
  const { database } = governed
  const protocols = attack.protocol === undefined ? (['simple', 'extended'] as const) : [attack.protocol]
  let [writes, leaks] = [false, false]
  await database.resetIfChanged()
  for (const protocol of protocols) {
    const script = {
      role: 'superuser' as const,
      protocol,
      login,
      database: database.name,
      serverPort: database.server.port,
    }
    const result = await runScript(attack.sql, { ...script, functionOid: signature => database.functionOid(signature) })
    expect(result.refusedLogins).toEqual([])
    const bytes = Buffer.concat(result.exchanges.flatMap(({ messages }) => messages.map(({ body }) => body))).toString(
      'latin1',
    )
    leaks ||= canaries.some(canary => bytes.includes(canary))
    writes = (await database.resetIfChanged()) || writes
  }
  return { writes, leaks }
}

const throughGateway = (): Login => governed.login('superuser')
const pastGateway = (): Login => {
  const { host, port, user, password } = governed.database.server
  return { host, port, user, password, database: governed.database.name }
}

describe.each([
  ['scanners', SCANNERS],
  ['guards', GUARDS],
  ['maskers', MASKERS],
] as const)('what fooled other %s', (_, attacks) => {
  test.each(attacks.map(attack => [attack.failure, attack] as const))('peers: %s', async (_, attack) => {
    const bare = await gets(attack, pastGateway)
    // Without this the test could not fail.
    expect(attack.gets === 'write' ? bare.writes : bare.leaks, 'the bare server lets it').toBe(true)
    expect(await gets(attack, throughGateway)).toEqual({ writes: false, leaks: false })
  })
})

describe('what blunt guards refuse', () => {
  test.each(BLUNT)('peers: too blunt for %s', async (_, sql) => {
    const { database } = governed
    for (const protocol of ['simple', 'extended'] as const) {
      const script = { role: 'agent' as const, protocol, database: database.name, serverPort: database.server.port }
      const run = async (login: () => Login): Promise<unknown> => {
        const result = await runScript(sql, {
          ...script,
          login,
          functionOid: signature => database.functionOid(signature),
        })
        const messages = result.exchanges.flatMap(exchange => exchange.messages)
        expect(messages.filter(({ type }) => type === 'E')).toEqual([])
        return rowsIn(messages)
      }
      expect(await run(() => governed.login('agent'))).toEqual(await run(pastGateway))
    }
  })
})
