import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { denyAll } from '@querywarden/approvals'
import { masking } from '@querywarden/masking'
import {
  type Completion,
  compilePolicy,
  type Estimator,
  type Gate,
  keepCatalog,
  openGate,
  type Parameter,
  type Principal,
  type Refusal,
  recommendedLimits,
} from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import { fileRecorder } from '@querywarden/recording'
import {
  DEFAULT_LIMITS,
  DEFAULT_THREAD_LIMITS,
  guardedClassifier,
  loadCatalog,
  MAJORS,
  type Query,
  readRowEstimate,
  schemaVersion,
} from '@querywarden/sql/postgres'
import { DatabaseError, type Pool, type PoolClient, type QueryArrayConfig, type QueryConfig } from 'pg'

const TARGET = { name: 'app', dialect: 'postgres' } as const

/** What became of a caller's statement. */
export type Answer =
  | { readonly kind: 'rows'; readonly columns: readonly string[]; readonly rows: readonly (readonly unknown[])[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** A pool that only runs what the policy allows, masked and recorded. No proxy, no second process. */
export interface Guard {
  readonly query: (principal: Principal, text: string, params?: readonly (string | null)[]) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** All secrets are the service's own, from wherever it keeps them. */
export interface GuardOptions {
  readonly pool: Pool
  /** The text of policy.yaml. */
  readonly policy: string
  readonly recordings: string
  /** 32 bytes. */
  readonly recordingKey: Uint8Array
  /** 32 bytes, for `hash` masks. */
  readonly hashKey: Uint8Array
}

const MIB = 1_048_576

/**
 * The settings every connection of the pool must have: what a name means and how a text is read must not depend on the
 * role or the database. Pass it as `options` to the pool.
 */
export const PINNED = '-c search_path=public,pg_temp -c standard_conforming_strings=on -c client_encoding=UTF8'

export async function openGuard(options: GuardOptions): Promise<Guard> {
  const clock = { now: Date.now, monotonic: () => performance.now() }
  const recorder = await fileRecorder({
    dir: options.recordings,
    kek: options.recordingKey,
    durability: 'standard',
    parameters: 'digests',
    quotaBytes: 64 * MIB,
    freeBytesMin: 16 * MIB,
    clock,
    sleep: ms => sleep(ms, undefined, { ref: false }),
    randomBytes,
    newId: randomUUID,
    instance: 'embed-pg',
  })
  const sql = await guardedClassifier({
    majors: MAJORS,
    cacheEntriesMax: 1_000,
    limits: DEFAULT_LIMITS,
    threads: DEFAULT_THREAD_LIMITS,
  })
  const gate = openGate({
    policy: compilePolicy(readPolicyYaml(options.policy, { file: 'policy.yaml' }), { version: '1' }),
    classify: sql.classify,
    rewrite: sql.rewrite,
    catalog: keepCatalog({
      load: () => asked(options.pool, query => loadCatalog(query, { searchPath: ['public'] })),
      monotonic: clock.monotonic,
      freshMs: 10_000,
      ageMsMax: 60_000,
      // A change made by others is seen within a second, for the price of one small query.
      probe: {
        version: async () => (await asked(options.pool, query => schemaVersion(query, null))).text,
        everyMs: 1_000,
      },
    }).current,
    mask: masking({ hashKey: () => options.hashKey }),
    approve: denyAll,
    record: recorder.record,
    clock,
    limits: recommendedLimits,
    estimate: planned(options.pool),
  })
  return {
    query: async (principal, text, params = []) => {
      const client = await options.pool.connect()
      try {
        return await guarded(gate, client, principal, text, params)
      } finally {
        client.release()
      }
    },
    close: async () => {
      await sql.close()
      await recorder.close()
    },
  }
}

async function guarded(
  gate: Gate,
  client: PoolClient,
  principal: Principal,
  text: string,
  params: readonly (string | null)[],
): Promise<Answer> {
  const session = await gate.session({ id: randomUUID(), principal, target: TARGET })
  try {
    const verdict = await session.submit({ text, params: params.map(asParameter) })
    if (verdict.kind === 'refused') return { kind: 'refused', refusal: verdict.refusal }
    const started = performance.now()
    const { statement } = verdict.cleared
    // Always as an extended-protocol statement (`queryMode`), so that the server itself refuses a second one in the text.
    const query: QueryArrayConfig & { readonly queryMode: 'extended' } = {
      text: statement.text,
      values: [...params],
      rowMode: 'array',
      types: RAW,
      queryMode: 'extended',
    }
    const result = await client.query(query).catch(async (error: unknown) => {
      await session.finish(verdict.cleared, failed(error, performance.now() - started))
      throw error
    })
    const columns = result.fields.map(field => ({
      name: field.name,
      tableOid: field.tableID,
      attnum: field.columnID,
      typeOid: field.dataTypeID,
      typmod: field.dataTypeModifier,
      format: 'text' as const,
    }))
    // Checks where the columns come from, puts masks on what detectors find, and records the rows as the caller gets them.
    const rows = await session.release(verdict.cleared, { columns, rows: result.rows, ms: performance.now() - started })
    return { kind: 'rows', columns: columns.map(({ name }) => name), rows }
  } finally {
    await session.close('client-terminated')
  }
}

/** The caller is told none of the server's words, so none are recorded. */
const failed = (error: unknown, ms: number): Completion =>
  error instanceof DatabaseError && error.code !== undefined
    ? { kind: 'failed', sqlstate: error.code, rows: 0, bytes: 0, ms }
    : { kind: 'unknown', why: 'the connection to the database broke' }

/**
 * Asks the planner on a connection of its own, so that nothing of it meets the statement's transaction. It is never ANALYZE,
 * and changes nothing: the transaction is read only and undone.
 */
const planned =
  (pool: Pool): Estimator =>
  async ({ text, params }) => {
    const client = await pool.connect()
    try {
      await client.query("begin read only; set local statement_timeout = '1s'; set local lock_timeout = '100ms'")
      const query: QueryConfig & { readonly queryMode: 'extended' } = {
        text: `explain (format json) ${text}`,
        values: params.map(({ value }) => value),
        queryMode: 'extended',
      }
      const { rows } = await client.query(query)
      return readRowEstimate(rows[0]?.['QUERY PLAN'])
    } finally {
      await client.query('rollback').catch(() => undefined)
      client.release()
    }
  }

/** Cells stay as the wire carries them: masks and detectors see what the client would. */
const RAW = { getTypeParser: () => (value: string) => value }

const asParameter = (value: string | null): Parameter => ({ typeOid: 0, format: 'text', value })

/** Asks the database about itself, on one connection. */
async function asked<T>(pool: Pool, ask: (query: Query) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await ask(async text => (await client.query({ text, rowMode: 'array', types: RAW })).rows)
  } finally {
    client.release()
  }
}
