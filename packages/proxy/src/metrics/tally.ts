import { Counter, type Registry } from 'prom-client'

/** One series of a counter, as a number to add to. */
export interface Tally {
  n: number
}

/** A counter whose series are looked up once and then only added to. */
export interface TallyFamily<L extends string> {
  readonly of: (labels: Readonly<Record<L, string>>) => Tally
}

/**
 * A counter for the hot path. A labelled child of prom-client finds its series by a text that it puts together at every
 * call (docs/decisions/0007); here a series is an object with a number in it, and prom-client is told when somebody looks.
 *
 * @param options.seriesMax - Beyond it further label sets share one series with `other` for every label.
 */
export function tallyFamily<L extends string>(options: {
  readonly registry: Registry
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly seriesMax: number
}): TallyFamily<L> {
  const { registry, name, help, labelNames, seriesMax } = options
  const series = new Map<string, { readonly labels: Partial<Record<L, string>>; readonly tally: Tally }>()
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, tally } of series.values()) this.inc(labels, tally.n)
    },
  })
  const seriesOf = (values: readonly string[]): Tally => {
    const key = JSON.stringify(values)
    const known = series.get(key)
    if (known !== undefined) return known.tally
    if (series.size >= seriesMax && values.some(value => value !== OTHER)) return seriesOf(labelNames.map(() => OTHER))
    const labels: Partial<Record<L, string>> = {}
    for (const [i, label] of labelNames.entries()) labels[label] = values[i] ?? ''
    const tally = { n: 0 }
    series.set(key, { labels, tally })
    return tally
  }
  return { of: labels => seriesOf(labelNames.map(label => labels[label])) }
}

const OTHER = 'other'
