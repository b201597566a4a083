// pgbench's select-only script through each way to a database (see peers/routes.mjs), all in one run, by turns. Prints
// medians as ratios: absolute figures mean little.
//
//   npm run bench -- select-only            [ROUNDS=5] [SECONDS=3] [CLIENTS=1,8,32] [MODES=simple,extended,prepared] [TLS=1]
//
// `unrecorded` is querywarden with a recorder that drops everything: the difference to `querywarden` is what recording
// takes of its processor time, given below each table.
//
// With TLS=1 pgbouncer and querywarden speak it to pgbench; the pipe and the direct way don't, so compare these two.
// Needs pgbench (Debian: postgresql-15 or postgresql-contrib; it is left alone where it isn't there).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuMs, has, median, rotated, startRoutes, UNRECORDED } from './peers/routes.mjs'

const rounds = Number(process.env.ROUNDS ?? 5)
const seconds = Number(process.env.SECONDS ?? 3)
const clients = (process.env.CLIENTS ?? '1,8,32').split(',').map(Number)
const modes = (process.env.MODES ?? 'simple,extended,prepared').split(',')
const tls = process.env.TLS === '1'

if (!has('pgbench')) {
  console.log('select-only: pgbench is not installed; nothing measured')
  process.exit(0)
}

const { routes, stop } = await startRoutes({
  tls,
  unrecorded: true,
  setUp: database => pgbench(['-i', '-q', '-s', '1'], { ...database, tls: false }),
})
try {
  for (const mode of modes) for (const count of clients) report(mode, count, measure(mode, count))
} finally {
  await stop()
}

function measure(mode, count) {
  const runs = new Map(routes.map(({ name }) => [name, []]))
  const args = ['-n', '-S', '-M', mode, '-c', String(count), '-j', '1']
  for (const route of routes) pgbench([...args, '-T', '1'], route)
  for (let round = 0; round < rounds; round++) {
    for (const route of rotated(routes, round)) {
      const cpuBefore = route.pid === null ? 0 : cpuMs(route.pid)
      const run = timed([...args, '-T', String(seconds)], route)
      const cpu = route.pid === null ? Number.NaN : ((cpuMs(route.pid) - cpuBefore) * 1_000) / run.transactions
      runs.get(route.name).push({ ...run, cpu })
    }
  }
  return runs
}

/** One run, with what pgbench logs of each transaction. */
function timed(args, route) {
  const logs = mkdtempSync(join(tmpdir(), 'querywarden-pgbench-'))
  try {
    const output = pgbench([...args, '-l', `--log-prefix=${join(logs, 'log')}`], route)
    const tps = Number(/tps = ([\d.]+)/.exec(output)?.[1])
    if (!(tps > 0)) throw new Error(`${route.name}: pgbench gave no figure`)
    // client, transaction, latency in µs, …
    const lines = readdirSync(logs).flatMap(file => readFileSync(join(logs, file), 'utf8').trimEnd().split('\n'))
    const latencies = Float64Array.from(lines, line => Number(line.split(' ', 3)[2])).sort()
    const percentile = part => latencies[Math.floor(latencies.length * part)]
    return { tps, transactions: latencies.length, p50: percentile(0.5), p99: percentile(0.99) }
  } finally {
    rmSync(logs, { recursive: true, force: true })
  }
}

function report(mode, count, runs) {
  const of = (name, figure) => median(runs.get(name).map(run => run[figure]))
  const added = (name, figure) =>
    (of(name, figure) - of('direct', figure)) / (of('plain pipe', figure) - of('direct', figure))
  const who = `${count} client${count === 1 ? '' : 's'}${tls ? ', TLS' : ''}`
  console.log(`\n${mode}, ${who} (medians of ${rounds} interleaved runs of ${seconds} s)`)
  console.log(
    '  route           throughput ÷ direct  ÷ pipe  ÷ pgbouncer   added p50 ÷ pipe’s  added p99   CPU a query ÷ pipe’s',
  )
  for (const name of runs.keys()) {
    const bouncer = runs.has('pgbouncer') ? of(name, 'tps') / of('pgbouncer', 'tps') : Number.NaN
    const isProxy = name !== 'direct'
    const cells = [
      [25, of(name, 'tps') / of('direct', 'tps')],
      [8, of(name, 'tps') / of('plain pipe', 'tps')],
      [13, bouncer],
      [21, isProxy ? added(name, 'p50') : Number.NaN],
      [11, isProxy ? added(name, 'p99') : Number.NaN],
      [23, of(name, 'cpu') / of('plain pipe', 'cpu')],
    ]
    const row = cells.map(([width, cell]) => (Number.isNaN(cell) ? '-' : cell.toFixed(2)).padStart(width))
    console.log(`  ${name.padEnd(12)}${row.join('')}`)
  }
  const share = 1 - of(UNRECORDED, 'cpu') / of('querywarden', 'cpu')
  const cost = of('querywarden', 'cpu') - of(UNRECORDED, 'cpu')
  console.log(`  recording takes ${(share * 100).toFixed(0)} % of querywarden’s CPU, ${cost.toFixed(1)} µs a query`)
}

function pgbench(args, { port, password, tls: isSecured }) {
  const { status, stdout, stderr } = spawnSync(
    'pgbench',
    [...args, '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', 'bench'],
    {
      env: { ...process.env, PGPASSWORD: password, PGSSLMODE: isSecured ? 'require' : 'disable' },
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  if (status !== 0) throw new Error(stderr.trim().split('\n').slice(-3).join('\n'))
  return stdout
}
