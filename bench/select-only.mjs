// pgbench select-only on a real PostgreSQL: directly, through a Node process that only pipes, through pgbouncer (session
// mode, where it is installed), and through querywarden with a policy, masks and recording on. All of them take turns in
// every round, so that what else the machine does hits them alike. Prints medians as ratios; absolute figures mean little.
//
//   npm run bench -- select-only            [ROUNDS=5] [SECONDS=3] [CLIENTS=1,8]
//
// needs pgbench (Debian: postgresql-15 or postgresql-contrib; it is left alone where it isn't there).
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@querywarden/dev-servers'

const rounds = Number(process.env.ROUNDS ?? 5)
const seconds = Number(process.env.SECONDS ?? 3)
const clients = (process.env.CLIENTS ?? '1,8').split(',').map(Number)
const modes = ['simple', 'extended', 'prepared']
const TOKEN = 'bench-token-of-sixteen-characters-and-more'
const here = fileURLToPath(new URL('.', import.meta.url))
const has = program => spawnSync('which', [program]).status === 0

if (!has('pgbench')) {
  console.log('select-only: pgbench is not installed; nothing measured')
  process.exit(0)
}

const dir = mkdtempSync(join(tmpdir(), 'querywarden-bench-'))
const children = []
const database = await startPostgres({ database: 'bench' })
try {
  await prepare()
  const routes = [
    { name: 'direct', port: database.port, password: database.password },
    { name: 'plain pipe', port: await startPipe(), password: database.password },
    ...(has('pgbouncer') ? [{ name: 'pgbouncer', port: await startPgbouncer(), password: database.password }] : []),
    { name: 'querywarden', port: await startQuerywarden(), password: TOKEN },
  ]
  for (const mode of modes) for (const count of clients) report(mode, count, measure(routes, mode, count))
} finally {
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(children.map(child => (child.exitCode === null ? once(child, 'exit') : null)))
  await database.stop()
  rmSync(dir, { recursive: true, force: true })
}

function measure(routes, mode, count) {
  const runs = new Map(routes.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, port, password } of rotated(routes, round)) {
      const args = ['-n', '-S', '-M', mode, '-c', String(count), '-j', '1', '-T', String(seconds)]
      const result = pgbench(args, port, password)
      const tps = Number(/tps = ([\d.]+)/.exec(result)?.[1])
      const latency = Number(/latency average = ([\d.]+) ms/.exec(result)?.[1])
      if (!(tps > 0)) throw new Error(`${name}: pgbench gave no figure`)
      runs.get(name).push({ tps, latency })
    }
  }
  return runs
}

function report(mode, count, runs) {
  const tps = name => median(runs.get(name).map(run => run.tps))
  const latency = name => median(runs.get(name).map(run => run.latency))
  console.log(
    `\n${mode}, ${count} client${count === 1 ? '' : 's'} (medians of ${rounds} interleaved runs of ${seconds} s)`,
  )
  console.log('  route         tps ÷ direct   ÷ plain pipe   added latency ÷ plain pipe’s')
  for (const name of runs.keys()) {
    const added = (latency(name) - latency('direct')) / (latency('plain pipe') - latency('direct'))
    const cells = [tps(name) / tps('direct'), tps(name) / tps('plain pipe'), name === 'direct' ? Number.NaN : added]
    console.log(
      `  ${name.padEnd(12)}${cells.map(cell => (Number.isNaN(cell) ? '-' : cell.toFixed(2)).padStart(14)).join('')}`,
    )
  }
}

function pgbench(args, port, password) {
  const { status, stdout, stderr } = spawnSync(
    'pgbench',
    [...args, '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', 'bench'],
    {
      env: { ...process.env, PGPASSWORD: password },
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(stderr.trim().split('\n').slice(-3).join('\n'))
  return stdout
}

async function prepare() {
  pgbench(['-i', '-q', '-s', '1'], database.port, database.password)
  await database.exec(
    "create table customers (id int primary key, ssn text); insert into customers values (1, '512-84-7731')",
  )
  writeFileSync(
    join(dir, 'policy.yaml'),
    `version: 1
rules:
  - { id: read, decision: allow, what: { effects: [read, session, transaction], relations: ["public.*"] } }
  - { id: no-ddl, decision: deny, what: { effects: [ddl, dcl, external] } }
masks:
  - { columns: ["public.customers.ssn"], with: redact }
`,
  )
  writeFileSync(
    join(dir, 'querywarden.yaml'),
    `listen: { postgres: { address: 127.0.0.1:0 }, admin: { address: 127.0.0.1:0 } }
identity: [{ kind: static, tokens: [{ token: { env: BENCH_TOKEN }, subject: bench, groups: [] }] }]
targets:
  bench: { dialect: postgres, url: "postgres://postgres@127.0.0.1:${database.port}/bench", password: { env: BENCH_PASSWORD } }
policy: policy.yaml
recording: { dir: recordings }
`,
  )
}

function startPipe() {
  return started('node', [join(here, 'peers/plain-pipe.mjs'), String(database.port)], line => Number(line))
}

function startQuerywarden() {
  const command = join(here, '../packages/proxy/bin/querywarden.js')
  const env = { ...process.env, BENCH_TOKEN: TOKEN, BENCH_PASSWORD: database.password }
  return started(
    'node',
    [command, 'up', '-c', join(dir, 'querywarden.yaml')],
    line => JSON.parse(line).postgres?.port,
    env,
  )
}

async function startPgbouncer() {
  const port = database.port + 1_000 > 65_000 ? database.port - 1_000 : database.port + 1_000
  writeFileSync(join(dir, 'users.txt'), `"postgres" "${database.password}"\n`)
  writeFileSync(
    join(dir, 'pgbouncer.ini'),
    `[databases]
bench = host=127.0.0.1 port=${database.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
auth_type = scram-sha-256
auth_file = ${join(dir, 'users.txt')}
pool_mode = session
max_client_conn = 200
default_pool_size = 100
unix_socket_dir =
`,
  )
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  spawnSync('chmod', ['-R', 'a+rX', dir])
  const child = spawn('pgbouncer', [...asUser, join(dir, 'pgbouncer.ini')], { stdio: 'ignore' })
  children.push(child)
  await new Promise(resolve => setTimeout(resolve, 1_000))
  return port
}

/** Starts a program that says its port on standard output. */
async function started(program, args, portOf, env = process.env) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const port = portOf(line)
    if (port) {
      child.stdout.resume()
      return port
    }
  }
  throw new Error(`${program} ended before it was ready`)
}

function rotated(list, by) {
  return list.map((_, i) => list[(i + by) % list.length])
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
