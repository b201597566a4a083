import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresMajor, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { startAgentGateway } from '../agent-gateway.ts'
import type { Login } from '../attacks/raw-connection.ts'
import { Link } from '../differential/link.ts'
import { SIDES, type Side, type TwinPlan } from './plan.ts'

export type Servers = Readonly<Record<Side, PostgresServer>>

const DATABASE = 'app'
const TEMPLATE = 'twin_template'

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
  const direct = (side: Side): Login => {
    const { host, port } = servers[side]
    return { host, port, ...plan.account, database: DATABASE }
  }
  const policy = join(dir, 'policy.yaml')
  await writeFile(policy, fault(plan.policy))
  const targets = Object.fromEntries(SIDES.map(side => [side, direct(side)]))
  const { gateway, login } = await startAgentGateway({ dir, policy, targets, drainMsMax: 0 })
  return {
    plan,
    servers,
    oidMax: left,
    governed: login,
    direct,
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
