import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OidcServer, type PostgresServer, startOidcProvider, startPostgres } from '@querywarden/dev-servers'
import { Client } from 'pg'
import { buildCommand, type Finished, querywarden, type Started, start } from './built-command.ts'
import { POLICY, SCHEMA } from './governed-database.ts'

/** A database and an issuer, and a directory with the configuration of a gateway that somebody may start. */
export interface CommandWorld {
  readonly dir: string
  readonly database: PostgresServer
  readonly issuer: OidcServer
  /** The environment that the configuration's secrets are taken from. */
  readonly env: Readonly<Record<string, string>>
  /** Writes a configuration and gives its file. Each text stands for a top-level part of it. */
  readonly configure: (parts?: ConfigParts) => Promise<string>
  /** Runs the command in the directory. */
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>
  /** Starts the command in the directory, with a standard input to write to. */
  readonly start: (args: readonly string[]) => Started
  /** Starts `up` and waits until it serves. */
  readonly up: (config: string, env?: Readonly<Record<string, string>>) => Promise<RunningGateway>
  readonly agentToken: () => Promise<string>
  readonly personToken: (subject: string) => Promise<string>
  readonly stop: () => Promise<void>
}

export interface ConfigParts {
  readonly postgres?: string
  readonly admin?: string
  readonly identity?: string
  readonly url?: string
  readonly password?: string
  readonly policy?: string
  readonly recording?: string
  readonly more?: string
}

export interface RunningGateway extends Started {
  readonly port: number
  readonly adminUrl: string
  /** Logs in as the agent, or with another token. */
  readonly logIn: (token?: string) => Promise<Client>
  /** Ends it by a signal and gives what it said. */
  readonly end: (signal: NodeJS.Signals) => Promise<Finished>
}

export async function startCommandWorld(): Promise<CommandWorld> {
  const [dir, database, issuer] = await Promise.all([
    mkdtemp(join(tmpdir(), 'querywarden-test-')),
    startPostgres({ database: 'app' }),
    startOidcProvider({
      clients: { agent: { groups: ['ai-agents'] }, desk: { groups: [] } },
      groupsBySubject: { dana: ['dba'], eve: ['interns'] },
    }),
    buildCommand(),
  ])
  const password = randomBytes(12).toString('hex')
  await database.exec(SCHEMA)
  await database.exec(
    `create role svc_app login password '${password}'; grant all on all tables in schema public to svc_app`,
  )
  await writeFile(join(dir, 'policy.yaml'), POLICY)
  const env = { DB_PASSWORD: password }
  const running = new Set<RunningGateway>()
  const agentToken = (): Promise<string> => issuer.token({ clientId: 'agent' })
  let configs = 0
  return {
    dir,
    database,
    issuer,
    env,
    agentToken,
    personToken: subject => issuer.token({ clientId: 'desk', subject }),
    configure: async (parts = {}) => {
      const file = join(dir, `querywarden-${++configs}.yaml`)
      await writeFile(file, configText({ ...parts, configs, database, issuer }))
      return file
    },
    run: (args, more = {}) => querywarden(args, { cwd: dir, env: { ...env, ...more } }),
    start: args => start(args, { cwd: dir, env, input: true }),
    up: async (config, more = {}) => {
      const started = start(['up', '-c', config, '--log-level', 'debug'], { cwd: dir, env: { ...env, ...more } })
      const gateway = await serving(started, agentToken)
      running.add(gateway)
      void started.ended.then(() => running.delete(gateway))
      return gateway
    },
    stop: async () => {
      await Promise.all([...running].map(gateway => gateway.end('SIGKILL')))
      await Promise.all([database.stop(), issuer.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function configText(
  parts: ConfigParts & { readonly configs: number; readonly database: PostgresServer; readonly issuer: OidcServer },
): string {
  const { configs, database, issuer } = parts
  return `listen:
  postgres: ${parts.postgres ?? '{ address: 127.0.0.1:0 }'}
  admin: ${parts.admin ?? '{ address: 127.0.0.1:0 }'}
identity:
  - ${parts.identity ?? `{ kind: oidc, issuer: "${issuer.issuer}", audience: querywarden }`}
targets:
  app:
    dialect: postgres
    url: ${parts.url ?? `postgres://svc_app@127.0.0.1:${database.port}/app`}
    password: ${parts.password ?? '{ env: DB_PASSWORD }'}
policy: ${parts.policy ?? './policy.yaml'}
recording: ${parts.recording ?? `{ dir: ./recordings-${configs} }`}
${parts.more ?? ''}
`
}

async function serving(started: Started, agentToken: () => Promise<string>): Promise<RunningGateway> {
  const [line] = await started.prints(/^.*querywarden is up.*$/m)
  const { postgres, admin } = JSON.parse(line) as {
    readonly postgres: { readonly port: number }
    readonly admin: { readonly port: number }
  }
  return {
    ...started,
    port: postgres.port,
    adminUrl: `http://127.0.0.1:${admin.port}`,
    logIn: async token => {
      const client = new Client({
        host: '127.0.0.1',
        port: postgres.port,
        user: 'agent',
        database: 'app',
        password: token ?? (await agentToken()),
      })
      client.on('error', () => undefined)
      await client.connect()
      return client
    },
    end: signal => {
      started.child.kill(signal)
      return started.ended
    },
  }
}
