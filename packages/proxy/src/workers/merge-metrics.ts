import { AggregatorRegistry, type PrometheusContentType, type Registry } from 'prom-client'
import type { MetricData } from './methods.ts'

/** Metrics of several processes in one text. */
export const mergedMetrics = (parts: readonly (readonly MetricData[])[]): Promise<string> => merged(parts).metrics()

/**
 * What of a process's metrics must not be lost when it ends: what it counted. Were its counts gone from the sums, these
 * would go down, and Prometheus would take that for a restart and count everything else again.
 */
export async function retired(parts: readonly (readonly MetricData[])[]): Promise<readonly MetricData[]> {
  return merged(parts.map(metrics => metrics.filter(isCount))).getMetricsAsJSON()
}

const merged = (parts: readonly (readonly MetricData[])[]): Registry<PrometheusContentType> =>
  AggregatorRegistry.aggregate<PrometheusContentType>([...parts])

const isCount = (metric: MetricData): boolean =>
  'type' in metric && (metric.type === 'counter' || metric.type === 'histogram')
