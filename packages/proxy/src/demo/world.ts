import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OidcServer, PostgresServer } from '@querywarden/dev-servers'
import { CommandError, EXIT } from '../commands/exit.ts'
import { parseConfig } from '../config/parse.ts'
import { type Gateway, startGateway } from '../gateway.ts'
import { openLog } from '../log.ts'
import { POLICY, SCHEMA } from './schema.ts'

/** All servers of the demo, started. */
export interface World {
  readonly database: PostgresServer
  readonly gateway: Gateway
  /** The recordings directory. */
  readonly recordings: string
  /** How to call the command again, from the current directory. */
  readonly command: string
  readonly agentToken: () => Promise<string>
  readonly approverToken: () => Promise<string>
  /** Signed by the issuer, and long over. */
  readonly expiredToken: () => Promise<string>
  readonly stop: () => Promise<void>
}

const HOUR_SECONDS = 3_600

export async function startWorld(dir: string, progress: (line: string) => void): Promise<World> {
  const { startOidcProvider, startPostgres } = await loadServers()
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one()
  }
  try {
    progress('Starting PostgreSQL 18 and an identity provider…')
    const [database, issuer] = await Promise.all([
      startPostgres({ major: 18, database: 'shop' }),
      startOidcProvider({
        clients: { agent: { groups: ['ai-agents'] }, desk: { groups: [] } },
        groupsBySubject: { dana: ['dba'] },
        accessTokenTtlSeconds: HOUR_SECONDS,
      }),
    ])
    stops.push(
      () => database.stop(),
      () => issuer.stop(),
    )
    const password = randomBytes(18).toString('base64url')
    await database.exec(SCHEMA)
    await database.exec(`alter role svc_shop password '${password}'`)
    await writeFile(join(dir, 'policy.yaml'), POLICY)
    const config = parseConfig(configText(database, issuer), join(dir, 'querywarden.yaml'))
    progress('Starting the gateway…')
    const gateway = await startGateway(config, {
      env: { ...process.env, SHOP_DB_PASSWORD: password },
      log: openLog('silent'),
    })
    stops.push(() => gateway.stop())
    return {
      database,
      gateway,
      recordings: config.recording.dir,
      command: relative(process.cwd(), fileURLToPath(new URL('../bin/querywarden.js', import.meta.url))),
      agentToken: () => issuer.token({ clientId: 'agent' }),
      approverToken: () => issuer.token({ clientId: 'desk', subject: 'dana' }),
      expiredToken: () => expired(issuer),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const configText = (database: PostgresServer, issuer: OidcServer): string => `
listen:
  postgres: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
identity:
  - { kind: oidc, issuer: "${issuer.issuer}", audience: querywarden, claims: { groups: groups } }
targets:
  shop:
    dialect: postgres
    url: postgres://svc_shop@127.0.0.1:${database.port}/shop
    password: { env: SHOP_DB_PASSWORD }
policy: ./policy.yaml
recording: { dir: ./recordings }
`

function expired(issuer: OidcServer): Promise<string> {
  const now = Math.floor(Date.now() / 1_000)
  const claims = {
    iss: issuer.issuer,
    aud: 'querywarden',
    sub: 'agent',
    client_id: 'agent',
    groups: ['ai-agents'],
    jti: randomBytes(8).toString('hex'),
    iat: now - 2 * HOUR_SECONDS,
    exp: now - HOUR_SECONDS,
  }
  return issuer.sign(claims, { typ: 'at+jwt', alg: 'RS256' })
}

async function loadServers(): Promise<typeof import('@querywarden/dev-servers')> {
  try {
    return await import('@querywarden/dev-servers')
  } catch {
    throw new CommandError(
      EXIT.misuse,
      'the demo brings its own PostgreSQL and identity provider, and they come with the project, not with this package: clone it and run `npm run demo`',
    )
  }
}
