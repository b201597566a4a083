import type { ApprovalStore } from '@querywarden/approvals'
import type { Clock } from '@querywarden/policy-core'
import type { RecoveryReport } from '@querywarden/recording'
import { Registry } from 'prom-client'
import { openApprovalsDesk } from './approvals-desk.ts'
import type { Address, Config } from './config/config.ts'
import { type Core, openCore } from './core.ts'
import { warnOfDescriptors } from './descriptors.ts'
import { NO_FELLOWS } from './fellows.ts'
import { type FrontDesk, openFrontDesk } from './front-desk.ts'
import type { Log } from './log.ts'
import { reloadMetrics } from './metrics/gateway-metrics.ts'
import { readSources } from './sources.ts'

/** A running gateway. */
export interface Gateway {
  /** Where it really listens: port 0 in the configuration means any free port. */
  readonly postgres: Address
  readonly admin: Address
  readonly approvals: ApprovalStore
  /** What the start found of recordings that an earlier, killed process left open. */
  readonly recovery: RecoveryReport
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<string>
  /** Reads every target's schema again. */
  readonly refreshSchemas: () => Promise<void>
  /**
   * Puts another configuration, with its policy and its secrets as they are now, in the place of this one: all of it or,
   * where it can't be, nothing. Open sessions go on; their next statement is judged by the new policy.
   * @param load - Reads the configuration.
   * @returns what is in force now, or null: it can't be, would not be safe, or changes what only a restart can. The log
   * says why, and what was in force stays so.
   */
  readonly reload: (load: () => Config) => Promise<Config | null>
  /** Takes no more connections, ends the sessions, closes their recordings. */
  readonly stop: () => Promise<void>
}

/**
 * Starts the reference proxy: every part of it is a package that an embedder could compose in the same way.
 *
 * @throws {ConfigError} what the configuration asks for can't be, or would not be safe.
 * @example
 * const gateway = await startGateway(parseConfig(text, 'querywarden.yaml'), { env: process.env, log })
 * await gateway.stop()
 */
export async function startGateway(
  config: Config,
  { env, log }: { readonly env: NodeJS.ProcessEnv; readonly log: Log },
): Promise<Gateway> {
  const clock: Clock = { now: Date.now, monotonic: () => performance.now() }
  warnOfDescriptors(config.limits.sessionsMax, log)
  const { store, approve } = openApprovalsDesk(config.limits, clock)
  const registry = new Registry()
  const core = await openCore(readSources(config), {
    env,
    log,
    clock,
    approve,
    registry,
    fellows: NO_FELLOWS,
  })
  let desk: FrontDesk
  try {
    desk = await openFrontDesk(config, {
      store,
      verify: (credential, now) => core.inForce().verify(credential, now),
      now: clock.now,
      log,
      notReady: core.notReady,
      metrics: () => registry.metrics(),
    })
  } catch (error) {
    await core.stop()
    throw error
  }
  const { admin, metrics } = desk
  const targets = [...core.inForce().targets.keys()]
  const policy = core.inForce().policy.version
  log.info(
    { postgres: core.postgres, admin, ...(metrics === null ? {} : { metrics }), targets, policy },
    'querywarden is up',
  )
  return running({ core, desk, store, registry, log })
}

function running(parts: {
  readonly core: Core
  readonly desk: FrontDesk
  readonly store: ApprovalStore
  readonly registry: Registry
  readonly log: Log
}): Gateway {
  const { core, desk, store, registry, log } = parts
  const stop = async (): Promise<void> => {
    log.info({}, 'querywarden goes down: no new sessions, and those that there are come to an end')
    await core.stop()
    // Last, so that whoever watches can see that it drains.
    desk.close()
    log.info({}, 'querywarden is down')
  }
  let stopping: Promise<void> | null = null
  const reloaded = reloadMetrics(registry)
  let reloading: Promise<unknown> = Promise.resolve()
  const reload = async (load: () => Config): Promise<Config | null> => {
    try {
      const next = load()
      const commit = await core.prepare(readSources(next))
      commit()
      reloaded('done')
      log.info({ policy: core.inForce().policy.version }, 'the configuration was reloaded')
      return next
    } catch (error) {
      reloaded('refused')
      log.error({ error }, 'the configuration was not reloaded: what was in force stays in force')
      return null
    }
  }
  return {
    postgres: core.postgres,
    admin: desk.admin,
    approvals: store,
    recovery: core.recovery,
    metrics: () => registry.metrics(),
    refreshSchemas: core.refreshSchemas,
    reload: load => {
      // One after the other: each is compared with what the one before it put in force.
      const turn = reloading.then(() => reload(load))
      reloading = turn
      return turn
    },
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}
