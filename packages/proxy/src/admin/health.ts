import { Hono } from 'hono'

/** What health and metrics are told from. */
export interface HealthParts {
  /** Why no sessions are taken, each in a line of its own; empty where they are. Never holds a secret. */
  readonly notReady: () => Promise<readonly string[]>
  readonly metrics: () => Promise<string>
}

/** Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** What a proxy puts in a request that it hands on. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

/**
 * Health for whoever watches: `/healthz` answers while the process lives, `/readyz` says why no sessions are taken,
 * `/metrics` is for Prometheus. None of it names people or statements, and none needs a token.
 *
 * @param options.metrics - `all`: to whoever can connect. `direct`: not through a proxy, for then anybody may be asking.
 */
export function healthApp(parts: HealthParts, options: { readonly metrics: 'all' | 'direct' | 'none' }): Hono {
  const app = new Hono()
  app.get('/healthz', context => context.text('ok\n'))
  app.get('/readyz', async context => {
    const reasons = await parts.notReady()
    context.header('cache-control', 'no-store')
    return context.json({ ready: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503)
  })
  if (options.metrics === 'none') return app
  app.get('/metrics', async context => {
    const isForwarded = FORWARDED.some(name => context.req.header(name) !== undefined)
    if (isForwarded && options.metrics === 'direct') return context.text(NOT_FORWARDED, 403)
    return context.body(await parts.metrics(), 200, { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' })
  })
  return app
}

const NOT_FORWARDED = 'metrics are not told through a proxy here: set listen.metrics.address in the configuration\n'
