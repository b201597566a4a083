// A result of a million rows under masks, against the same result through a plain Node pipe and through a gateway that masks
// nothing of it, in one run, by turns: masks by rewriting, where the database does the work, and all detectors over every row,
// where the gateway does. The source is a real PostgreSQL: where it is slower than the ways from it, they look alike.
//
//   npm run bench -- masked-stream       [ROUNDS=5] [ROWS=1000000]

import { DETECTORS } from '@querywarden/policy-core'
import { drainResult } from './peers/drain-result.mjs'
import { cpuMs, median, rotated, startRoutes } from './peers/routes.mjs'

const rounds = Number(process.env.ROUNDS ?? 5)
const rows = Number(process.env.ROWS ?? 1_000_000)
const TARGET = 0.9

const detectAll = DETECTORS.map(detector => `  - { detect: [${detector}], with: redact }\n`).join('')
const { routes, stop } = await startRoutes({
  gateways: {
    unmasked: '  - { columns: ["public.customers.ssn"], with: redact }\n',
    rewritten: '  - { columns: ["public.people.ssn", "public.people.note"], with: redact }\n',
    detectors: detectAll,
  },
  setUp: async database => {
    await database.exec(
      `create table people as
       select g as id, 'Quentin Ashford ' || g as name, 'Amsterdam' as city, 'payment received, see ledger' as note,
              timestamptz '2024-03-04 12:34:56+00' + g * interval '1 second' as at, 'no number ' || g as ssn,
              (g::int8 * 7919 % 100000) / 100.0 as amount, 'shipped' as state
       from generate_series(1, ${rows}) g`,
    )
    await database.exec('vacuum analyze people')
  },
})
try {
  const drain = async route => {
    const before = route.pid === null ? 0 : cpuMs(route.pid)
    const { ms } = await drainResult(route, { sql: 'select * from people', bytesMin: rows * 80 })
    return { ms, cpu: route.pid === null ? 0 : cpuMs(route.pid) - before }
  }
  const runs = new Map(routes.map(({ name }) => [name, []]))
  for (const route of routes) await drain(route)
  for (let round = 0; round < rounds; round++)
    for (const route of rotated(routes, round)) runs.get(route.name).push(await drain(route))

  const of = (name, figure) => median(runs.get(name).map(run => run[figure]))
  console.log(`\n${rows} rows (medians of ${rounds} interleaved runs)`)
  console.table(
    [...runs.keys()].map(name => ({
      route: name,
      'rows/ms': Math.round(rows / of(name, 'ms')),
      '÷ plain pipe': Number((of('plain pipe', 'ms') / of(name, 'ms')).toFixed(2)),
      'CPU ms of the route': of(name, 'cpu'),
      target: ['rewritten', 'detectors'].includes(name)
        ? of('plain pipe', 'ms') / of(name, 'ms') >= TARGET
          ? 'met'
          : `missed (${TARGET})`
        : '',
    })),
  )
} finally {
  await stop()
}
