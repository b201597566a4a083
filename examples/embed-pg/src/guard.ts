import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { denyAll } from '@querywarden/approvals'
import { masking } from '@querywarden/masking'
import {
  type Catalog,
  compilePolicy,
  type Gate,
  openGate,
  type Parameter,
  type Principal,
  type Refusal,
  recommendedLimits,
} from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import { fileRecorder } from '@querywarden/recording'
import { loadCatalog, postgresClassifier, postgresRewriter } from '@querywarden/sql/postgres'
import type { Pool, PoolClient } from 'pg'

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

/**
 * The settings every connection of the pool must have: what a name means and how a text is read must not depend on the
 * role or the database. Pass it as `options` to the pool.
 */
export const PINNED = '-c search_path=public,pg_temp -c standard_conforming_strings=on -c client_encoding=UTF8'

export async function openGuard(options: {
  readonly pool: Pool
  readonly policy: string
  readonly recordings: string
}): Promise<Guard> {
  const clock = { now: Date.now, monotonic: () => performance.now() }
  const recorder = await fileRecorder({
    dir: options.recordings,
    kek: randomBytes(32),
    durability: 'standard',
    clock,
    sleep,
    randomBytes,
    newId: randomUUID,
  })
  const gate = openGate({
    policy: compilePolicy(readPolicyYaml(options.policy, { file: 'policy.yaml' }), { version: '1' }),
    classify: await postgresClassifier({ cacheEntriesMax: 1_000 }),
    rewrite: await postgresRewriter(),
    catalog: () => readSchema(options.pool),
    mask: masking({ hashKey: () => randomBytes(32) }),
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
    const result = await client.query({
      text: statement.text,
      values: [...params],
      rowMode: 'array',
      types: RAW,
      queryMode: 'extended',
    })
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
