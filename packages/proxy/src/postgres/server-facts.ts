import { runOwnQuery } from './catalog-query.ts'
import { UpstreamError } from './upstream-error.ts'
import type { Upstream } from './upstream-login.ts'

/** What a server says of itself, by name. */
export type ServerFacts = Readonly<Record<string, string>>

/** Which cluster it is and which of its histories tells a restored or promoted server from the one that it was made of. */
const OF_CLUSTER =
  'select pg_catalog.version(), s.system_identifier::text, c.timeline_id::text from pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c'
const OF_BUILD = 'select pg_catalog.version()'

/** Asks a server for its build, and for its cluster where the gateway's account may know that. Fails where nothing is told. */
export async function readServerFacts(upstream: Upstream): Promise<ServerFacts> {
  const [[build, cluster, timeline] = []] = await runOwnQuery(upstream, OF_CLUSTER).catch((error: unknown) => {
    if (error instanceof UpstreamError && error.code === 'REFUSED') return runOwnQuery(upstream, OF_BUILD)
    throw error
  })
  return factsOf({ version: build, system_identifier: cluster, timeline })
}

/** Settings that a server reports when a session begins; they are of that very session. */
const REPORTED = ['server_version', 'server_encoding', 'TimeZone', 'in_hot_standby'] as const

/** What is recorded of the server that a session was opened on. */
export const sessionFacts = (parameters: ReadonlyMap<string, string>, known: ServerFacts): ServerFacts => ({
  ...known,
  ...factsOf(Object.fromEntries(REPORTED.map(name => [name, parameters.get(name)]))),
})

/** As much of it as a server may have written into every recording. */
const CHARS_MAX = 256

const factsOf = (facts: Readonly<Record<string, string | null | undefined>>): ServerFacts =>
  Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value == null ? [] : [[name, value.slice(0, CHARS_MAX)]])),
  )
