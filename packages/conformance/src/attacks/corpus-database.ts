import { Client, type ClientConfig } from 'pg'
import { readSchema, type Setup } from './corpus-case.ts'
import { filledIn } from './placeholders.ts'
import { RawConnection } from './raw-connection.ts'

/** The server itself, without the gateway. */
export interface DirectServer {
  readonly host: string
  readonly port: number
  /** A superuser. */
  readonly user: string
  readonly password: string
}

/** The settings that the cases need of the server; corpus/adv/README.md. */
export const SERVER_SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  max_prepared_transactions: '10',
  shared_preload_libraries: 'pg_stat_statements',
  autovacuum: 'off',
  synchronous_commit: 'on',
}

/** The passwords that schema.sql gives its roles. */
export const DIRECT_USERS = {
  agent: { user: 'app_agent', password: 'agent-pw' },
  owner: { user: 'app_owner', password: 'owner-pw' },
  readonly: { user: 'app_readonly', password: 'ro-pw' },
} as const

const TEMPLATE = 'corpus_template'

/**
 * How far the server has come. The log moves at any lasting change, but also by itself: every 15 s after a change the
 * server writes down which transactions run. The next transaction's number moves where one has written.
 */
interface Position {
  readonly wal: string
  readonly transaction: string
}

/**
 * The one database that the cases attack, made anew from a template whenever a case has changed it. Whether one has is
 * read off the server's write-ahead log, which moves at any lasting change.
 */
export class CorpusDatabase {
  readonly name: string
  readonly server: DirectServer
  readonly #admin: Client
  readonly #onReset: () => Promise<void>
  #cleanAt: Position = { wal: '', transaction: '' }

  private constructor(name: string, server: DirectServer, admin: Client, onReset: () => Promise<void>) {
    this.name = name
    this.server = server
    this.#admin = admin
    this.#onReset = onReset
  }

  /** Loads schema.sql into the template. `onReset` is called whenever the database is a new one, or has new definitions. */
  static async open(name: string, server: DirectServer, onReset: () => Promise<void>): Promise<CorpusDatabase> {
    const admin = await clientOf(server, 'postgres')
    await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`)
    await admin.query(`CREATE DATABASE ${TEMPLATE} TEMPLATE template0`)
    const loader = await clientOf(server, TEMPLATE)
    await loader.query(await readSchema())
    await loader.end()
    const database = new CorpusDatabase(name, server, admin, onReset)
    await database.reset()
    return database
  }

  /** Makes the database anew if anything may have changed since the last time. Says whether a transaction has written. */
  async resetIfChanged(): Promise<boolean> {
    const { wal, transaction } = await this.#position()
    if (wal === this.#cleanAt.wal) return false
    const hasWritten = transaction !== this.#cleanAt.transaction
    await this.reset()
    return hasWritten
  }

  async reset(): Promise<void> {
    await this.#dropWhatHoldsIt()
    await this.#admin.query(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`)
    await this.#admin.query(`CREATE DATABASE ${this.name} TEMPLATE ${TEMPLATE}`)
    await this.#onReset()
    this.#cleanAt = await this.#position()
  }

  /** Runs what an innocent application does first, and has it noticed. Gives the connections that it keeps. */
  async setUp(setup: readonly Setup[]): Promise<readonly RawConnection[]> {
    const kept: RawConnection[] = []
    for (const { role = 'owner', sql, keepOpen } of setup) {
      const as = role === 'superuser' ? this.server : DIRECT_USERS[role]
      const { host, port } = this.server
      const connection = new RawConnection({ host, port })
      await connection.login({ host, port, user: as.user, password: as.password, database: this.name })
      for (const statement of sql) await connection.query(this.#filled(statement))
      if (keepOpen === true) kept.push(connection)
      else connection.close()
    }
    // What the application defined is to be known before the attack begins, as it is a little later anyway.
    if (setup.length > 0) await this.#onReset()
    return kept
  }

  /** Statements after a case. A part of the case may have been refused, so that there is nothing to clean up. */
  async cleanUp(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.#admin.query(this.#filled(statement)).catch(() => undefined)
  }

  async functionOid(signature: string): Promise<number> {
    const { rows } = await this.#admin.query('SELECT $1::regprocedure::oid::int AS oid', [signature])
    return rows[0].oid
  }

  async close(): Promise<void> {
    await this.#admin.end()
  }

  // Prepared transactions and replication slots outlive their sessions and keep a database from being dropped, and
  // settings of roles outlive the database.
  async #dropWhatHoldsIt(): Promise<void> {
    const { rows: prepared } = await this.#admin.query('SELECT gid FROM pg_prepared_xacts WHERE database = $1', [
      this.name,
    ])
    if (prepared.length > 0) {
      const inside = await clientOf(this.server, this.name)
      for (const { gid } of prepared) await inside.query(`ROLLBACK PREPARED ${inside.escapeLiteral(gid)}`)
      await inside.end()
    }
    await this.#admin.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active')
    await this.#admin.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active')
    for (const { user } of Object.values(DIRECT_USERS)) await this.#admin.query(`ALTER ROLE ${user} RESET ALL`)
  }

  async #position(): Promise<Position> {
    const { rows } = await this.#admin.query(
      'SELECT pg_current_wal_insert_lsn()::text AS wal, pg_snapshot_xmax(pg_current_snapshot())::text AS transaction',
    )
    return rows[0]
  }

  #filled(statement: string): string {
    return filledIn(statement, { database: this.name, serverPort: this.server.port })
  }
}

async function clientOf(server: DirectServer, database: string): Promise<Client> {
  const config: ClientConfig = { ...server, database }
  const client = new Client(config)
  // Without a listener the end of the server ends the process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
