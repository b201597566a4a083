import { Counter, Gauge, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { DurationHistogram } from '../metrics/duration-histogram.ts'
import { mergedMetrics, retired } from './merge-metrics.ts'

/** What one worker tells, as it comes over the channel. */
async function told(count: number, gauge: number): Promise<readonly object[]> {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'a_total', help: 'a', labelNames: ['x'], registers }).inc({ x: '1' }, count)
  new Gauge({ name: 'sum_now', help: 'b', registers }).set(gauge)
  new Gauge({ name: 'max_now', help: 'c', registers, aggregator: 'max' }).set(gauge)
  const stages = new DurationHistogram({ registry, name: 'd_seconds', help: 'd', label: 'stage', buckets: [0.1, 1] })
  for (let i = 0; i < count; i++) stages.of('whole').observeMs(500)
  return structuredClone(await registry.getMetricsAsJSON())
}

test('counts and histograms of several workers add up; what is now adds up or is the worst', async () => {
  const text = await mergedMetrics([await told(2, 10), await told(3, 7)])
  for (const line of [
    'a_total{x="1"} 5',
    'sum_now 17',
    'max_now 10',
    'd_seconds_bucket{le="0.1",stage="whole"} 0',
    'd_seconds_bucket{le="1",stage="whole"} 5',
    'd_seconds_bucket{le="+Inf",stage="whole"} 5',
    'd_seconds_sum{stage="whole"} 2.5',
    'd_seconds_count{stage="whole"} 5',
  ])
    expect(text).toContain(`${line}\n`)
})

test('what a worker counted stays counted when it has ended; what it was then does not', async () => {
  let gone = await retired([[], await told(2, 10)])
  gone = await retired([gone, await told(4, 10)])
  const text = await mergedMetrics([gone, await told(1, 3)])
  for (const line of ['a_total{x="1"} 7', 'sum_now 3', 'max_now 3', 'd_seconds_count{stage="whole"} 7'])
    expect(text).toContain(`${line}\n`)
})
