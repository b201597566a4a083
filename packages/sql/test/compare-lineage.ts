import type { Facts } from '@querywarden/policy-core'
import type { ServerColumn, ServerLineage } from './server-lineage.ts'

const keyOf = ({ schema, name, column }: ServerColumn): string => `${schema}.${name}.${column}`

/** How facts and the server differ about one query. */
export interface Difference {
  /** What the server knows and the facts don't say: unsafe, each. */
  readonly missing: readonly string[]
  /** Columns that the facts name and the server doesn't. */
  readonly excess: readonly string[]
}

/** Compares the columns and outputs of facts with what the server says. */
export function compareLineage(facts: Facts, server: ServerLineage): Difference {
  if (facts.kind === 'opaque') return { missing: [`opaque: ${facts.code}`], excess: [] }
  const named = new Set(facts.columns.map(keyOf))
  const known = new Set(server.columns.map(keyOf))
  const missing = [...known].filter(column => !named.has(column)).map(column => `column ${column}`)
  return {
    missing: [...missing, ...wrongOutputs(facts, server)],
    // Of its own catalog the server keeps no record.
    excess: [...named].filter(column => !known.has(column) && !/^(pg_catalog|information_schema)\./.test(column)),
  }
}

function wrongOutputs({ outputs }: Extract<Facts, { kind: 'understood' }>, server: ServerLineage): readonly string[] {
  if (outputs === null) return []
  const names = outputs.map(output => output.name).join(', ')
  const labels = server.outputs.map(output => output.name).join(', ')
  if (names !== labels) return [`outputs (${names}), expected (${labels})`]
  return outputs.flatMap(({ name, origins, lineage }, index) => {
    const origin = server.outputs[index]?.origin ?? null
    const keys = origins.map(keyOf)
    if (origin !== null && !keys.includes(keyOf(origin))) return [`output ${name} without its origin ${keyOf(origin)}`]
    const isCopy = keys.length === 1 && origin !== null
    return lineage === 'copy' && !isCopy ? [`output ${name} as a copy, which it isn't`] : []
  })
}
