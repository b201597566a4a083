import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type OidcServer,
  type PostgresMajor,
  type PostgresServer,
  startOidcProvider,
  startPostgres,
} from '@querywarden/dev-servers'
import { READ_MS_HARD_MAX } from '@querywarden/sql/postgres'
import { Client, type ClientConfig } from 'pg'
import type { Config, ProxyLimits, RecordingConfig } from '../src/config/config.ts'
import { parseConfig } from '../src/config/parse.ts'
import { type Gateway, startGateway } from '../src/gateway.ts'
import { type Log, openLog } from '../src/log.ts'

/** A database behind a gateway, with an issuer of tokens: all real, all on this host. */
export interface Governed {
  readonly database: PostgresServer
  readonly issuer: OidcServer
  readonly gateway: Gateway
  /** What it was started with. */
  readonly config: Config
  readonly dir: string
  readonly recordings: string
  /** A token of the agent (groups ai-agents), or of a person who signs in. */
  readonly token: (who?: { readonly subject: string }) => Promise<string>
  /** What a client needs to log in through the gateway. */
  readonly connection: (overrides?: ClientConfig) => Promise<ClientConfig>
  /** A logged-in client through the gateway; ended by `stop`. */
  readonly client: (overrides?: ClientConfig) => Promise<Client>
  /** A client of the superuser, past the gateway. */
  readonly direct: () => Promise<Client>
  readonly stop: () => Promise<void>
}

export interface GovernedOptions {
  readonly major?: PostgresMajor
  readonly schema?: string
  readonly policy?: string
  /** More of querywarden.yaml, as top-level YAML. */
  readonly more?: string
  /** In place of what the configuration says. No test waits for sessions that somebody left open, unless it says so. */
  readonly limits?: Partial<ProxyLimits>
  readonly recording?: Partial<RecordingConfig>
  readonly settings?: Readonly<Record<string, string>>
  readonly targetUser?: string
  readonly targetTls?: boolean
  /** The schemas that names are looked up in, in place of public alone. */
  readonly searchPath?: readonly string[]
  readonly listen?: string
  /** Values that must never reach a client, by name. */
  readonly canaries?: Readonly<Record<string, string>>
  readonly log?: Log
  /** Puts something between gateway and database: given the database's port, gives its own. */
  readonly via?: (port: number) => Promise<number>
  /** More programs that can get tokens, by client id. */
  readonly clients?: Readonly<Record<string, { readonly groups: readonly string[] }>>
}

/** customers(ssn, email masked), orders, and what else the tests of the proxy use. */
export const SCHEMA = `
create table customers (id int primary key, name text not null, email text, ssn text not null, age int check (age > 0));
create table orders (id int primary key, customer_id int, status text not null, total numeric(10,2));
create table notes (id int primary key, body text);
insert into customers values (1, 'Ada', 'ada@example.com', '512-84-7731', 36), (2, 'Grace', 'grace@example.org', '603-19-4428', 40);
insert into orders values (1, 1, 'new', 10), (2, 1, 'shipped', 20), (3, 2, 'new', 30);
`

export const POLICY = `version: 1
rules:
  - { id: read, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read, transaction, session] } }
  - { id: notes, decision: allow, who: { groups: [ai-agents] }, what: { effects: [write], relations: ["public.notes"] } }
  - { id: customers-by-writers, decision: allow, who: { groups: [ai-agents] }, what: { effects: [write], relations: ["public.customers"] } }
  - id: orders-need-a-person
    decision: approve
    who: { groups: [ai-agents] }
    what: { effects: [write], relations: ["public.orders"] }
    approval: { approvers: { groups: [dba] }, quorum: 1, expires: 10m, mode: hold }
  - { id: no-ddl, decision: deny, what: { effects: [ddl, dcl, external] }, reason: Schema changes go through migrations. }
  - { id: no-unbounded, decision: deny, what: { unbounded: true } }
masks:
  - { columns: ["public.customers.ssn"], with: redact, unless: { groups: [pii-readers] } }
  - { columns: ["public.customers.email"], with: email }
`

export const SECRETS: readonly string[] = ['512-84-7731', '603-19-4428', 'ada@', 'grace@']

const SCHEMA_OF_ROLE = `
create role svc_app login;
grant usage, create on schema public to svc_app;
grant all on all tables in schema public to svc_app;
`

/** Starts a database, an issuer and a gateway between them. */
export async function govern(options: GovernedOptions = {}): Promise<Governed> {
  const dir = await mkdtemp(join(tmpdir(), 'querywarden-test-'))
  const [database, issuer] = await Promise.all([
    startPostgres({
      major: options.major ?? 18,
      database: 'app',
      tls: options.targetTls ?? false,
      ...(options.settings ? { settings: options.settings } : {}),
    }),
    startOidcProvider({
      clients: {
        agent: { groups: ['ai-agents'] },
        reader: { groups: ['ai-agents', 'pii-readers'] },
        desk: { groups: [] },
        ...options.clients,
      },
      groupsBySubject: { dana: ['dba'], eve: ['interns'] },
    }),
  ])
  const password = randomBytes(12).toString('hex')
  await database.exec(options.schema ?? SCHEMA)
  await database.exec(`${SCHEMA_OF_ROLE}; alter role svc_app password '${password}'`)
  await writeFile(join(dir, 'policy.yaml'), options.policy ?? POLICY)
  if (database.certificates !== null) await writeFile(join(dir, 'ca.crt'), database.certificates.ca)
  const canaries = Object.entries(options.canaries ?? {})
  for (const [name, value] of canaries) await writeFile(join(dir, `canary-${name}`), value)
  const port = (await options.via?.(database.port)) ?? database.port
  const given = parseConfig(
    `
listen:
  postgres: ${options.listen ?? '{ address: 127.0.0.1:0 }'}
  admin: { address: 127.0.0.1:0 }
identity:
  - { kind: oidc, issuer: "${issuer.issuer}", audience: querywarden }
targets:
  app:
    dialect: postgres
    url: postgres://${options.targetUser ?? 'svc_app'}@127.0.0.1:${port}/app${database.certificates === null ? '' : '?sslmode=verify-full&sslrootcert=ca.crt'}
    password: { env: DB_PASSWORD }
    search_path: [${(options.searchPath ?? ['public']).join(', ')}]
    canaries: [${canaries.map(([name]) => `{ name: ${name}, value: { file: ./canary-${name} } }`).join(', ')}]
policy: ./policy.yaml
recording: { dir: ./recordings }
${options.more ?? ''}`,
    join(dir, 'querywarden.yaml'),
  )
  // A machine that runs all tests at once is slower than the limits mean.
  const config = {
    ...given,
    recording: { ...given.recording, ...options.recording },
    limits: { ...given.limits, drainMsMax: 0, lagMsMax: 60_000, readMsMax: READ_MS_HARD_MAX, ...options.limits },
  }
  const secret = options.targetUser === 'postgres' ? database.password : password
  const gateway = await startGateway(config, { env: { DB_PASSWORD: secret }, log: options.log ?? openLog('silent') })
  const clients: Client[] = []
  const token: Governed['token'] = who =>
    issuer.token(who === undefined ? { clientId: 'agent' } : { clientId: 'desk', subject: who.subject })
  const connection: Governed['connection'] = async overrides => ({
    ...gateway.postgres,
    user: 'agent',
    database: 'app',
    password: overrides?.password ?? (await token()),
    ...overrides,
  })
  const opened = async (config: ClientConfig): Promise<Client> => {
    const client = new Client(config)
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  return {
    database,
    issuer,
    gateway,
    config,
    dir,
    recordings: config.recording.dir,
    token,
    connection,
    client: async overrides => opened(await connection(overrides)),
    direct: () => opened({ connectionString: database.url }),
    stop: async () => {
      await Promise.all(clients.map(client => client.end().catch(() => undefined)))
      await gateway.stop()
      await Promise.all([database.stop(), issuer.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}
