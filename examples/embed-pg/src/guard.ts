import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { denyAll } from '@querywarden/approvals'
import { masking } from '@querywarden/masking'
import {
  type Catalog,
  compilePolicy,
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
import { DEFAULT_LIMITS, loadCatalog, MAJORS, postgresClassifier, postgresRewriter } from '@querywarden/sql/postgres'
import type { Pool, PoolClient, QueryArrayConfig } from 'pg'

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
  const sql = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 1_000, limits: DEFAULT_LIMITS })
  const gate = openGate({
    policy: compilePolicy(readPolicyYaml(options.policy, { file: 'policy.yaml' }), { version: '1' }),
    classify: sql.classify,
    rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
    catalog: keepCatalog({
      load: () => readSchema(options.pool),
      monotonic: clock.monotonic,
      freshMs: 10_000,
      ageMsMax: 60_000,
    }).current,
    mask: masking({ hashKey: () => options.hashKey }),
    approve: denyAll,
    record: recorder.record,
    clock,
    limits: recommendedLimits,
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
    close: () => recorder.close(),
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
    const result = await client.query(query)
    const columns = result.fields.map(field => ({
      name: field.name,
      tableOid: field.tableID,
      attnum: field.columnID,
      typeOid: field.dataTypeID,
      typmod: field.dataTypeModifier,
      format: 'text' as const,
    }))
    const rows = await session.release(verdict.cleared, { columns, rows: result.rows, ms: performance.now() - started })
    return { kind: 'rows', columns: columns.map(({ name }) => name), rows }
  } finally {
    await session.close('client-terminated')
  }
}

/** Cells stay as the wire carries them: masks and detectors see what the client would. */
const RAW = { getTypeParser: () => (value: string) => value }

const asParameter = (value: string | null): Parameter => ({ typeOid: 0, format: 'text', value })

async function readSchema(pool: Pool): Promise<Catalog> {
  const client = await pool.connect()
  try {
    return await loadCatalog(async text => (await client.query({ text, rowMode: 'array', types: RAW })).rows, {
      searchPath: ['public'],
    })
  } finally {
    client.release()
  }
}
