import type { PostgresServer } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { loadCatalog } from '@querywarden/sql/postgres'
import { Client } from 'pg'
import { rawMessages } from './frames.ts'
import { Link } from './link.ts'
import { ORACLES, oracleSql, SETTINGS } from './observe.ts'
import { type RelationMap, readRelationMap } from './relation-map.ts'

/** What a world is made of. */
export interface WorldPlan {
  readonly name: string
  /** Makes everything in the empty template. */
  readonly fill: (client: Client, owner: Link) => Promise<void>
}

/** The role that statements run as. It owns the database and is no superuser: no files, programs or other databases. */
const OWNER = { user: 'app_owner', password: 'owner-pw' } as const
const SEARCH_PATH = ['public'] as const

/** What bounds a statement. Set on the role, so that they hold on every connection. */
const BOUNDS: Readonly<Record<string, string>> = {
  statement_timeout: '300ms',
  lock_timeout: '100ms',
  temp_file_limit: '64MB',
  work_mem: '4MB',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  search_path: 'public, pg_temp',
  client_min_messages: 'error',
}

/** The settings of a server that is thrown away. */
export const WORLD_SETTINGS: Readonly<Record<string, string>> = {
  autovacuum: 'off',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_prepared_transactions: '4',
  shared_preload_libraries: 'pg_stat_statements',
}

/** A database to run anything in: made from a template, and made anew as soon as something in it has moved. */
export class World {
  readonly name: string
  readonly major: number
  readonly catalog: Catalog
  readonly map: RelationMap
  readonly #server: PostgresServer
  readonly #database: string
  #link: Link
  /** The digest of the settings of a session that has changed none. */
  readonly settings: string
  /** Databases made so far. */
  resets = 0

  private constructor(
    { name }: WorldPlan,
    server: PostgresServer,
    database: string,
    known: { readonly catalog: Catalog; readonly map: RelationMap; readonly settings: string },
    link: Link,
  ) {
    this.name = name
    this.major = server.major
    this.#server = server
    this.#database = database
    this.catalog = known.catalog
    this.map = known.map
    this.settings = known.settings
    this.#link = link
  }

  static async open(plan: WorldPlan, server: PostgresServer): Promise<World> {
    const template = `${plan.name}_template`
    await server.exec(`CREATE DATABASE ${template} TEMPLATE template0`, 'postgres')
    const client = await clientOf(server, template, server)
    await client.query(
      `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${OWNER.user}') THEN CREATE ROLE ${OWNER.user} LOGIN PASSWORD '${OWNER.password}'; END IF; END $$`,
    )
    await client.query(
      `ALTER SCHEMA public OWNER TO ${OWNER.user}; GRANT CREATE, TEMP ON DATABASE ${template} TO ${OWNER.user}`,
    )
    for (const [name, value] of Object.entries(BOUNDS))
      await client.query(`ALTER ROLE ${OWNER.user} SET ${name} TO ${value.includes(',') ? value : `'${value}'`}`)
    const owner = await Link.open({ ...server, ...OWNER, database: template })
    await plan.fill(client, owner)
    owner.close()
    // An index may have an expression that fails on some row.
    await client.query('ANALYZE').catch(() => undefined)
    await client.end()
    const database = `${plan.name}_thrown_away`
    await makeAnew(server, database, template)
    const reader = await clientOf(server, database, OWNER)
    const catalog = await loadCatalog(async text => (await reader.query({ text, rowMode: 'array' })).rows, {
      searchPath: SEARCH_PATH,
    })
    await reader.end()
    const link = await Link.open({ ...server, ...OWNER, database })
    const map = await readRelationMap(link)
    await prepareOracles(link, map)
    const [settings] = await link.query(`SELECT ${SETTINGS}`)
    return new World(plan, server, database, { catalog, map, settings: settings ?? '' }, link)
  }

  get link(): Link {
    return this.#link
  }

  /** A new connection to the same database: nothing of a session is left. */
  async reconnect(): Promise<void> {
    this.#link.close()
    this.#link = await Link.open({ ...this.#server, ...OWNER, database: this.#database })
    await prepareOracles(this.#link, this.map)
  }

  /** The database anew, with the same OIDs and files as before. */
  async reset(): Promise<void> {
    this.resets += 1
    this.#link.close()
    await makeAnew(this.#server, this.#database, `${this.name}_template`)
    await this.reconnect()
  }

  /** Ends what runs on the connection, where no time limit of the server's does. */
  async interrupt(): Promise<void> {
    await this.#server.exec(`SELECT pg_terminate_backend(${this.#link.pid})`, 'postgres')
  }

  close(): void {
    this.#link.close()
  }
}

async function makeAnew(server: PostgresServer, database: string, template: string): Promise<void> {
  await server.exec(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`, 'postgres')
  await server.exec(`CREATE DATABASE ${database} TEMPLATE ${template}`, 'postgres')
  // A template's rights on the database itself are not copied.
  await server.exec(`GRANT CREATE, TEMP ON DATABASE ${database} TO ${OWNER.user}`, 'postgres')
}

async function prepareOracles(link: Link, map: RelationMap): Promise<void> {
  const sql = oracleSql(map)
  const prepare = (['light', 'full', 'session', 'depends'] as const).map(
    name => ['P', ORACLES[name], sql[name]] as const,
  )
  const [reply] = await link.send(rawMessages([...prepare, ['S']]), 1)
  if (reply?.error != null) throw new Error(`an oracle can't be prepared: ${reply.error.message}`)
}

async function clientOf(
  server: PostgresServer,
  database: string,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<Client> {
  const client = new Client({ host: server.host, port: server.port, user, password, database })
  // Without a listener the end of the server ends the process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
