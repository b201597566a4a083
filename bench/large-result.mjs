// A result of a million rows through each way to a database (see peers/routes.mjs), in one run, by turns. Prints medians of
// the throughput as ratios, and how far the memory of each proxy grew while it passed.
//
//   npm run bench -- large-result           [ROUNDS=5] [ROWS=1000000] [TLS=1]
import { drainResult } from './peers/drain-result.mjs'
import { median, rotated, startRoutes } from './peers/routes.mjs'

const rounds = Number(process.env.ROUNDS ?? 5)
const rows = Number(process.env.ROWS ?? 1_000_000)
const tls = process.env.TLS === '1'

const { routes, stop } = await startRoutes({
  tls,
  setUp: async database => {
    await database.exec(
      `create table wide as
       select g as id, repeat('x', 40) as a, g * 7 as b, repeat('y', 30) as c from generate_series(1, ${rows}) g`,
    )
    await database.exec('vacuum analyze wide')
  },
})
try {
  const runs = new Map(routes.map(({ name }) => [name, []]))
  const drain = route => drainResult(route, { sql: 'select * from wide', bytesMin: rows * 80 })
  for (const route of routes) await drain(route)
  for (let round = 0; round < rounds; round++)
    for (const route of rotated(routes, round)) runs.get(route.name).push(await drain(route))
  report(runs)
} finally {
  await stop()
}

function report(runs) {
  const of = (name, figure) => median(runs.get(name).map(run => run[figure]))
  console.log(`\n${rows} rows${tls ? ', TLS' : ''} (medians of ${rounds} interleaved runs)`)
  console.log('  route         MB/s   ÷ direct  ÷ pipe  ÷ pgbouncer   memory grew by, MiB')
  for (const name of runs.keys()) {
    const bouncer = runs.has('pgbouncer') ? (of(name, 'rate') / of('pgbouncer', 'rate')).toFixed(2) : '-'
    const memory = name === 'direct' ? '-' : Math.max(...runs.get(name).map(run => run.grown)).toFixed(0)
    console.log(
      `  ${name.padEnd(12)}${of(name, 'rate').toFixed(0).padStart(6)}${(of(name, 'rate') / of('direct', 'rate')).toFixed(2).padStart(11)}` +
        `${(of(name, 'rate') / of('plain pipe', 'rate')).toFixed(2).padStart(8)}${bouncer.padStart(13)}${memory.padStart(22)}`,
    )
  }
}
