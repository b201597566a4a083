import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@querywarden/dev-servers'
import { startAgentGateway } from '../src/agent-gateway.ts'
import { CorpusDatabase, corpusFile, DIRECT_USERS, type Login, type Role, SERVER_SETTINGS } from '../src/index.ts'

/** The corpus's database with the gateway before it. */
export interface GovernedDatabase {
  readonly database: CorpusDatabase
  /** Each role is a target of its own: the same database under another of its accounts. */
  readonly login: (role: Role) => Login
  readonly stop: () => Promise<void>
}

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
  const targets = Object.fromEntries(
    (['agent', 'owner', 'readonly', 'superuser'] as const).map(role => {
      const { user, password } = users[role]
      return [TARGETS[role], { host: server.host, port: server.port, user, password, database: 'app' }]
    }),
  )
  const { gateway, login } = await startAgentGateway({ dir, policy, targets })
  refresh = gateway.refreshSchemas
  return {
    database,
    login: role => login(TARGETS[role]),
    stop: async () => {
      await gateway.stop()
      await database.close()
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
