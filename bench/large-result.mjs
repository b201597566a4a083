// A result of a million rows through each way to a database (see peers/routes.mjs), in one run, by turns. Prints medians of
// the throughput as ratios, and how far the memory of each proxy grew while it passed.
//
//   npm run bench -- large-result           [ROUNDS=5] [ROWS=1000000] [TLS=1]
import pg from 'pg'
import { resident } from './peers/processes.mjs'
import { median, rotated, startRoutes } from './peers/routes.mjs'

const rounds = Number(process.env.ROUNDS ?? 5)
const rows = Number(process.env.ROWS ?? 1_000_000)
const tls = process.env.TLS === '1'
const SAMPLE_MS = 20

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
  for (const route of routes) await drain(route)
  for (let round = 0; round < rounds; round++)
    for (const route of rotated(routes, round)) runs.get(route.name).push(await drain(route))
  report(runs)
} finally {
  await stop()
}

/** Reads the whole result without looking at it: the client must not be what is measured. */
async function drain({ port, password, pid, tls: isSecured }) {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'bench',
    ssl: isSecured ? { rejectUnauthorized: false } : false,
  })
  // Cutting the connection off, as this does in the end, is an error to the driver.
  client.on('error', () => undefined)
  await client.connect()
  const { stream } = client.connection
  stream.removeAllListeners('data')
  const before = pid === null ? 0 : resident({ pid })
  let peak = before
  const sampling = setInterval(() => {
    if (pid !== null) peak = Math.max(peak, resident({ pid }))
  }, SAMPLE_MS)
  const query = Buffer.from('select * from wide\0')
  const header = Buffer.from([0x51, 0, 0, 0, query.length + 4])
  const started = performance.now()
  let bytes = 0
  await new Promise((resolve, reject) => {
    stream.on('data', chunk => {
      bytes += chunk.length
      // ReadyForQuery is the last message, and its five bytes before the status look like nothing in these rows.
      if (chunk.length >= 6 && chunk.readUInt8(chunk.length - 6) === 0x5a && chunk.readInt32BE(chunk.length - 5) === 5)
        resolve()
    })
    stream.once('close', () => reject(new Error('the connection was closed')))
    stream.write(Buffer.concat([header, query]))
  })
  const ms = performance.now() - started
  clearInterval(sampling)
  stream.destroy()
  if (bytes < rows * 80) throw new Error(`only ${bytes} bytes came`)
  return { rate: bytes / ms / 1_000, grown: (peak - before) / 1_048_576 }
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
