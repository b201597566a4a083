import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresMajor, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { openLog, parseConfig, startGateway } from '@querywarden/proxy'
import type { Login } from '../attacks/raw-connection.ts'
import { Link } from '../differential/link.ts'
import { SIDES, type Side, type TwinPlan } from './plan.ts'

export type Servers = Readonly<Record<Side, PostgresServer>>

const DATABASE = 'app'
const TEMPLATE = 'twin_template'
const TOKEN = 'a token of the agent, long enough'

/** Twins are made on new servers of their own, one pair for each plan: names and object ids are then the same on both. */
export async function startTwinServers(major: PostgresMajor): Promise<Servers> {
  const settings = {
    autovacuum: 'off',
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    // Plans that hang on counts of rows must not hang on what is hidden from one run to the next.
    default_statistics_target: '10',
    lc_messages: 'C',
  }
  const [left, right] = await Promise.all([startPostgres({ major, settings }), startPostgres({ major, settings })])
  return { left, right }
}

/** Two databases that differ only under the masks, and a gateway before both. */
export interface TwinWorld {
  readonly plan: TwinPlan
  readonly servers: Servers
  /** The highest id of a relation; the same on both. */
  readonly oidMax: number
  /** Through the gateway. */
  readonly governed: (side: Side) => Login
  /** Past it, under the same account. */
  readonly direct: (side: Side) => Login
  /** Both databases as they were made. */
  readonly reset: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** `fault`: what is changed in the policy that the gateway has, to see that the harness finds it. */
export async function openTwins(
  plan: TwinPlan,
  servers: Servers,
  fault: (policy: string) => string = policy => policy,
): Promise<TwinWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'querywarden-twins-'))
  await Promise.all(SIDES.map(side => makeTemplate(plan, side, servers[side])))
  await Promise.all(SIDES.map(side => makeAnew(servers[side])))
  const [left, right] = await Promise.all(SIDES.map(side => highestId(servers[side])))
  if (left === undefined || left !== right) throw new Error('ids of relations differ: twins need servers that are new')
  const { user, password } = plan.account
  await writeFile(join(dir, 'policy.yaml'), fault(plan.policy))
  const file = join(dir, 'querywarden.yaml')
  const config = parseConfig(configuration(servers, user), file)
  // A busy machine is no reason to answer one side otherwise than the other.
  const limits = { ...config.limits, lagMsMax: 60_000, readMsMax: 500, drainMsMax: 0 }
  const gateway = await startGateway(
    { ...config, limits },
    { env: { TOKEN, PASSWORD: password }, log: openLog('silent') },
  )
  return {
    plan,
    servers,
    oidMax: left,
    governed: side => ({ ...gateway.postgres, user: 'agent', password: TOKEN, database: side }),
    direct: side => ({ host: servers[side].host, port: servers[side].port, user, password, database: DATABASE }),
    reset: async () => {
      await Promise.all(SIDES.map(side => makeAnew(servers[side])))
      await gateway.refreshSchemas()
    },
    stop: async () => {
      await gateway.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function makeTemplate({ sqlOf, name }: TwinPlan, side: Side, server: PostgresServer): Promise<void> {
  await server.exec(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`, 'postgres')
  await server.exec(`CREATE DATABASE ${TEMPLATE} TEMPLATE template0`, 'postgres')
  try {
    await server.exec(sqlOf(side), TEMPLATE)
  } catch (cause) {
    throw new Error(`the ${side} side of ${name} can't be made: ${String(cause)}`, { cause })
  }
}

async function highestId(server: PostgresServer): Promise<number> {
  const [row] = await server.exec('SELECT max(oid)::int AS oid FROM pg_class', DATABASE)
  return Number(row?.['oid'])
}

async function makeAnew(server: PostgresServer): Promise<void> {
  await server.exec(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`, 'postgres')
  await server.exec(`CREATE DATABASE ${DATABASE} TEMPLATE ${TEMPLATE}`, 'postgres')
  await server.exec(`GRANT CREATE, TEMP ON DATABASE ${DATABASE} TO PUBLIC`, 'postgres')
}

/** A connection of the account, past the gateway, for what the generators want to know of the schema. */
export const openLink = ({ direct }: TwinWorld, side: Side): Promise<Link> => Link.open(direct(side))

const configuration = (servers: Servers, user: string): string => `
listen:
  postgres: { address: '127.0.0.1:0' }
  admin: { address: '127.0.0.1:0' }
identity:
  - kind: static
    tokens:
      - { token: { env: TOKEN }, subject: agent, groups: [ai-agents] }
targets:
${SIDES.map(
  side => `  ${side}:
    dialect: postgres
    url: postgres://${user}@${servers[side].host}:${servers[side].port}/${DATABASE}?sslmode=disable
    password: { env: PASSWORD }`,
).join('\n')}
policy: ./policy.yaml
recording: { dir: ./recordings }
`
