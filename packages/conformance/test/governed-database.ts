import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@querywarden/dev-servers'
import { openLog, parseConfig, startGateway } from '@querywarden/proxy'
import { CorpusDatabase, corpusFile, DIRECT_USERS, type Login, type Role, SERVER_SETTINGS } from '../src/index.ts'

/** The corpus's database with the gateway before it. */
export interface GovernedDatabase {
  readonly database: CorpusDatabase
  /** Each role is a target of its own: the same database under another of its accounts. */
  readonly login: (role: Role) => Login
  readonly stop: () => Promise<void>
}

const TOKEN = 'a token of the agent, long enough'
const TARGETS: Readonly<Record<Role, string>> = {
  agent: 'app',
  owner: 'app-owner',
  readonly: 'app-readonly',
  superuser: 'app-superuser',
}

/** Starts a server of a major, with the gateway before it under a policy, given as a path. */
export async function startGovernedDatabase(
  major: 15 | 18 = 15,
  policy: string = fileURLToPath(corpusFile('policy.yaml')),
): Promise<GovernedDatabase> {
  const server = await startPostgres({ major, settings: SERVER_SETTINGS })
  const dir = await mkdtemp(join(tmpdir(), 'governed-'))
  let refresh = async (): Promise<void> => undefined
  const database = await CorpusDatabase.open('app', server, () => refresh())
  const users = { ...DIRECT_USERS, superuser: server }
  const target = (role: Role): string =>
    `  ${TARGETS[role]}:
    dialect: postgres
    url: postgres://${users[role].user}@${server.host}:${server.port}/app?sslmode=disable
    password: { env: PASSWORD_${role.toUpperCase()} }`
  const file = join(dir, 'querywarden.yaml')
  const text = `
listen:
  postgres: { address: '127.0.0.1:0' }
  admin: { address: '127.0.0.1:0' }
identity:
  - kind: static
    tokens:
      - { token: { env: TOKEN }, subject: agent, groups: [ai-agents] }
targets:
${Object.keys(TARGETS)
  .map(role => target(role as Role))
  .join('\n')}
policy: ${JSON.stringify(policy)}
recording: { dir: ./recordings }
`
  await writeFile(file, text)
  const passwords = Object.entries(users).map(([role, { password }]) => [`PASSWORD_${role.toUpperCase()}`, password])
  const config = parseConfig(text, file)
  // A busy machine is no reason to turn an attack away.
  const limits = { ...config.limits, lagMsMax: 60_000, readMsMax: 500 }
  const gateway = await startGateway(
    { ...config, limits },
    {
      env: { TOKEN, ...Object.fromEntries(passwords) },
      log: openLog('silent'),
    },
  )
  refresh = gateway.refreshSchemas
  return {
    database,
    login: role => ({ ...gateway.postgres, user: 'agent', password: TOKEN, database: TARGETS[role] }),
    stop: async () => {
      await gateway.stop()
      await database.close()
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
