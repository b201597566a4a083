import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates, type PostgresMajor, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Gateway, openLog, parseConfig, startGateway } from '@querywarden/proxy'

/** How a client reaches the database: the same account each way. */
export interface Route {
  readonly name: 'direct' | 'governed' | 'trusted'
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** The file of the authority that signed the server's certificate on this route. */
  readonly caFile: string
  readonly ca: string
}

/** A database, and a gateway before it. */
export interface GovernedServer {
  readonly server: PostgresServer
  readonly gateway: Gateway
  readonly direct: Route
  /** Through the gateway, which allows all that it understands. */
  readonly governed: Route
  /** Through the gateway, which allows what it doesn't understand, too. */
  readonly trusted: Route
  /** A directory of this test's own. */
  readonly dir: string
  /** Puts the database back to its first state, object ids and sequences included, so that two runs can be compared. */
  readonly reset: () => Promise<void>
  readonly stop: () => Promise<void>
}

const ALLOW_ALL = `version: 1
rules:
  - id: all-that-is-understood
    decision: allow
    what: { effects: [read, write, ddl, dcl, session, transaction, procedural, maintenance, external] }
  - id: the-rest
    decision: allow
    who: { groups: [trusted] }
    what: { effects: [unknown] }
`

export interface GovernedServerOptions {
  readonly major?: PostgresMajor
  readonly schema?: string
  readonly settings?: Readonly<Record<string, string>>
  readonly policy?: string
}

/** Starts both. The gateway logs in with the account that direct clients use: the superuser. */
export async function startGovernedServer(options: GovernedServerOptions = {}): Promise<GovernedServer> {
  const server = await startPostgres({
    major: options.major ?? 18,
    database: 'app',
    tls: true,
    ...(options.settings ? { settings: options.settings } : {}),
  })
  const dir = await mkdtemp(join(tmpdir(), 'querywarden-clients-'))
  const file = (name: string): string => join(dir, name)
  try {
    await server.exec(options.schema ?? 'select')
    await server.exec('create database pristine template app', 'postgres')
    const certificates = makeCertificates()
    const [token, trustedToken] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')]
    await writeFile(file('direct-ca.crt'), server.certificates?.ca ?? '')
    await writeFile(file('ca.crt'), certificates.ca)
    await writeFile(file('server.crt'), certificates.server.cert)
    await writeFile(file('server.key'), certificates.server.key, { mode: 0o600 })
    await writeFile(file('policy.yaml'), options.policy ?? ALLOW_ALL)
    const gateway = await startGateway(parseConfig(configuration(server), file('querywarden.yaml')), {
      env: { TOKEN: token, TRUSTED_TOKEN: trustedToken, DB_PASSWORD: server.password },
      log: openLog('silent'),
    })
    const account = { host: server.host, user: server.user, database: 'app' } as const
    const through = { ...account, port: gateway.postgres.port, caFile: file('ca.crt'), ca: certificates.ca } as const
    return {
      server,
      gateway,
      dir,
      reset: async () => {
        await server.exec('drop database app with (force)', 'postgres')
        await server.exec('create database app template pristine', 'postgres')
        await gateway.refreshSchemas()
      },
      direct: {
        ...account,
        name: 'direct',
        port: server.port,
        password: server.password,
        caFile: file('direct-ca.crt'),
        ca: server.certificates?.ca ?? '',
      },
      governed: { ...through, name: 'governed', password: token },
      trusted: { ...through, name: 'trusted', password: trustedToken },
      stop: async () => {
        await gateway.stop()
        await server.stop()
        await rm(dir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await server.stop()
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

const configuration = (server: PostgresServer): string => `
listen:
  postgres: { address: 127.0.0.1:0, tls: { cert: server.crt, key: server.key } }
  admin: { address: 127.0.0.1:0 }
identity:
  - kind: static
    tokens:
      - { token: { env: TOKEN }, subject: client, groups: [] }
      - { token: { env: TRUSTED_TOKEN }, subject: trusted-client, groups: [trusted] }
targets:
  app:
    dialect: postgres
    url: postgres://${server.user}@${server.host}:${server.port}/app?sslmode=disable
    password: { env: DB_PASSWORD }
policy: ./policy.yaml
recording: { dir: ./recordings }
`
