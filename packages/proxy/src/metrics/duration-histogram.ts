import { Histogram, type Registry } from 'prom-client'

/** Durations of one kind, counted by their length. */
export interface Durations {
  readonly observeMs: (ms: number) => void
}

/** Seconds. */
export const FAST_BUCKETS: readonly number[] = [
  0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30,
]
export const SLOW_BUCKETS: readonly number[] = [0.1, 1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600]

/**
 * A histogram for the hot path: observing adds to three numbers, where a child of prom-client puts a text together
 * first (docs/decisions/0007). prom-client is given the numbers when somebody looks.
 */
export class DurationHistogram extends Histogram<string> {
  readonly #shape: { readonly name: string; readonly help: string; readonly label: string }
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor(options: {
    readonly registry: Registry
    readonly name: string
    readonly help: string
    /** The one label. */
    readonly label: string
    readonly buckets: readonly number[]
  }) {
    const { registry, name, help, label, buckets } = options
    super({ name, help, labelNames: [label], buckets: [...buckets], registers: [registry] })
    this.#shape = { name, help, label }
    this.#bounds = buckets
  }

  /** The series of one value of the label. */
  of(value: string): Durations {
    const series = this.#series.get(value) ?? new Series(this.#bounds)
    this.#series.set(value, series)
    return series
  }

  /** What prom-client 15 asks a histogram for, both for text and for JSON. */
  getForPromString(): Promise<object> {
    const { name, help, label } = this.#shape
    const values = [...this.#series].flatMap(([value, series]) => series.values(name, { [label]: value }))
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values })
  }
}

class Series implements Durations {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    // One more for what is longer than the last bound.
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  readonly observeMs = (ms: number): void => {
    const seconds = ms / 1_000
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && seconds > (bounds[i] ?? 0)) i += 1
    this.#counts[i] = (this.#counts[i] ?? 0) + 1
    this.#sum += seconds
  }

  values(name: string, labels: Readonly<Record<string, string>>): readonly object[] {
    let total = 0
    const buckets = this.#counts.map((count, i) => {
      total += count
      const le = this.#bounds[i] ?? '+Inf'
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, sharedLabels: {}, value: total }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, sharedLabels: {}, value: this.#sum },
      { metricName: `${name}_count`, labels, sharedLabels: {}, value: total },
    ]
  }
}
