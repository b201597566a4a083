import type { CanaryScanner } from '@querywarden/masking'
import {
  type Catalog,
  checkMasks,
  keepCatalog,
  type Policy,
  type PolicyIssue,
  type Target,
} from '@querywarden/policy-core'
import { loadCatalog } from '@querywarden/sql/postgres'
import { circuitBreaker } from './circuit-breaker.ts'
import type { ProxyLimits, ReachedTarget } from './config/config.ts'
import { withAuthority } from './config/tls-files.ts'
import { runOwnQuery } from './postgres/catalog-query.ts'
import { readServerFacts, type ServerFacts } from './postgres/server-facts.ts'
import { UpstreamError } from './postgres/upstream-error.ts'
import { logInUpstream, type Upstream } from './postgres/upstream-login.ts'
import { type RowEstimates, rowEstimates } from './row-estimates.ts'
import { schemaProbe } from './schema-probe.ts'
import { after } from './timer.ts'

/** A target as the gateway serves it: its credential and its schema. */
export interface TargetService {
  readonly target: Target
  /** As it is reached: with the authority's PEM text where the configuration names its file. */
  readonly config: ReachedTarget
  /** Opens a database session of the gateway's own account. @throws {UpstreamError} */
  readonly logIn: (settings: ReadonlyMap<string, string>) => Promise<Upstream>
  /** What its server said of itself when its schema was read last; nothing before that. */
  readonly serverFacts: () => ServerFacts
  /** How many rows its planner expects of statements. */
  readonly estimates: RowEstimates
  /** The schema to decide by. Rejects where there is none, or the policy in force doesn't fit it. */
  readonly catalog: () => Promise<Catalog>
  /** The schema, whatever the policy makes of it. */
  readonly schema: () => Promise<Catalog>
  /** How long ago what is known of the schema was last seen to be so, in milliseconds, or null where nothing is. */
  readonly schemaAgeMs: () => number | null
  /** Reads the schema again, now. */
  readonly refresh: () => Promise<Catalog>
  /** The database said something that doesn't fit what is known of its schema: that is compared before it is used again. */
  readonly suspect: () => void
  /** Ends the connections that are kept. */
  readonly close: () => void
}

/** The same, with what must never leave it; null where the configuration names nothing. */
export interface WatchedTarget extends TargetService {
  readonly canaries: CanaryScanner | null
}

/** The policy and a target's schema don't fit: a mask on a column that isn't there hides nothing. */
export class PolicyMisfit extends Error {
  override readonly name = 'PolicyMisfit'
  readonly target: string
  readonly issues: readonly PolicyIssue[]

  constructor(target: string, issues: readonly PolicyIssue[]) {
    super(`the policy does not fit the schema of target \`${target}\``)
    this.target = target
    this.issues = issues
  }
}

/** @throws {ConfigError} its authority's file can't be read. */
export function serveTarget(options: {
  readonly config: ReachedTarget
  readonly password: string | null
  /** The policy in force; asked each time. */
  readonly policy: () => Policy
  readonly limits: Pick<ProxyLimits, 'frameBytesMax' | 'loginMsMax' | 'catalogMaxAgeMs' | 'catalogProbeMs'>
  readonly monotonic: () => number
}): TargetService {
  const { password, limits, monotonic } = options
  const config = { ...options.config, tls: withAuthority(options.config.tls, options.config.name) }
  const logIn = circuitBreaker(
    (settings: ReadonlyMap<string, string>): Promise<Upstream> =>
      logInUpstream(config, password, settings, { frameBytesMax: limits.frameBytesMax, timeoutMs: limits.loginMsMax }),
    { monotonic, random: Math.random },
  )

  let serverFacts: ServerFacts = {}
  const own = ownSessions(() => logIn(new Map()))
  const keeper = keepCatalog({
    load: () =>
      loadWithin(limits.loginMsMax, monotonic, () => logIn(new Map()), {
        searchPath: config.searchPath,
        onFacts: facts => {
          serverFacts = facts
        },
      }),
    monotonic,
    freshMs: limits.catalogMaxAgeMs / FRESH_PARTS,
    ageMsMax: limits.catalogMaxAgeMs,
    probe: {
      version: schemaProbe({ logIn: own.logIn, timeoutMs: limits.loginMsMax }),
      everyMs: limits.catalogProbeMs,
    },
  })

  const fitting = fitter(options.policy, config.name)
  return {
    target: { name: config.name, dialect: config.dialect },
    config,
    logIn,
    serverFacts: () => serverFacts,
    estimates: rowEstimates({ logIn: own.logIn }),
    catalog: async () => fitting(await keeper.current()),
    schema: keeper.current,
    schemaAgeMs: keeper.ageMs,
    refresh: keeper.refresh,
    suspect: keeper.suspect,
    close: own.close,
  }
}

/** A database that stalls would otherwise hold up every session that waits for the schema (threats F14, F19). */
async function loadWithin(
  msMax: number,
  monotonic: () => number,
  logIn: () => Promise<Upstream>,
  { searchPath, onFacts }: { readonly searchPath: readonly string[]; readonly onFacts: (facts: ServerFacts) => void },
): Promise<Catalog> {
  const startedMs = monotonic()
  const upstream = await logIn()
  let isLate = false
  const callOff = after(msMax - (monotonic() - startedMs), () => {
    isLate = true
    upstream.link.socket.destroy()
  })
  try {
    onFacts(await readServerFacts(upstream))
    return await loadCatalog(text => runOwnQuery(upstream, text), { searchPath })
  } catch (error) {
    if (!isLate) throw error
    throw new UpstreamError('UNREACHABLE', `the database did not show its schema within ${msMax} ms`)
  } finally {
    callOff()
    upstream.link.end()
  }
}

/** Sessions of the gateway's own that are kept open between questions. */
function ownSessions(logIn: () => Promise<Upstream>): Pick<TargetService, 'close'> & { readonly logIn: typeof logIn } {
  const open = new Set<Upstream>()
  return {
    logIn: async () => {
      const upstream = await logIn()
      open.add(upstream)
      upstream.link.gone.addEventListener('abort', () => open.delete(upstream))
      return upstream
    },
    close: () => {
      for (const { link } of open) link.end()
    },
  }
}

/** Lets a schema through if the policy in force fits it. Each pair is looked at once. */
function fitter(inForce: () => Policy, target: string): (catalog: Catalog) => Catalog {
  let known: { readonly policy: Policy; readonly catalog: Catalog } | null = null
  return catalog => {
    const policy = inForce()
    if (known !== null && known.catalog === catalog && known.policy === policy) return catalog
    const issues = checkMasks(policy, catalog, target)
    if (issues.length > 0) throw new PolicyMisfit(target, issues)
    known = { policy, catalog }
    return catalog
  }
}

/** A snapshot is renewed well before it is too old, so that nobody waits for a reload. */
const FRESH_PARTS = 6
