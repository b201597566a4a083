import { getConnInfo } from '@hono/node-server/conninfo'
import type { ApprovalStore } from '@querywarden/approvals'
import type { Verifier } from '@querywarden/policy-core'
import { adminApp } from './admin/app.ts'
import { type HealthParts, healthApp } from './admin/health.ts'
import { type HttpListener, listenForHttp } from './bind.ts'
import type { Address, Config } from './config/config.ts'
import type { Log } from './log.ts'

/** What the gateway answers to people and to whoever watches it: the admin API, health, metrics. */
export interface FrontDesk {
  readonly admin: Address
  /** Null where no listener of their own was asked for. */
  readonly metrics: Address | null
  readonly close: () => void
}

export interface FrontDeskParts extends HealthParts {
  readonly store: ApprovalStore
  readonly verify: Verifier
  readonly now: () => number
  readonly log: Log
}

/** @throws {ConfigError} an address can't be listened on. */
export async function openFrontDesk({ listen }: Config, parts: FrontDeskParts): Promise<FrontDesk> {
  const { log } = parts
  const app = adminApp({
    store: parts.store,
    verify: parts.verify,
    now: parts.now,
    // Where they have a listener of their own, whoever set it up decides who gets at them there.
    health: healthApp(parts, { metrics: listen.metrics === null ? 'direct' : 'none' }),
    remoteAddress: context => getConnInfo(context).remote.address ?? '',
    onFailure: error => log.error({ error }, 'an admin request failed'),
  })
  const admin = await listenForHttp(app.fetch, listen.admin, 'listen.admin')
  admin.server.on('error', (error: Error) => log.error({ error }, 'the admin listener failed'))
  let metrics: HttpListener | null = null
  if (listen.metrics !== null) {
    const health = healthApp(parts, { metrics: 'all' })
    try {
      metrics = await listenForHttp(health.fetch, listen.metrics, 'listen.metrics')
    } catch (error) {
      admin.server.close()
      throw error
    }
    metrics.server.on('error', (error: Error) => log.error({ error }, 'the metrics listener failed'))
  }
  return {
    admin: admin.address,
    metrics: metrics?.address ?? null,
    close: () => {
      admin.server.close()
      metrics?.server.close()
    },
  }
}
