// The ways to a PostgreSQL that benchmarks compare: directly, through a plain Node pipe, through pgbouncer where it is
// installed (session mode), and through querywarden with a policy, a mask rule and recording. Each can speak TLS to the
// client but the pipe, which does nothing.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates, startPostgres } from '@querywarden/dev-servers'
import { gatewayBin, here, startNode, stopAll } from './processes.mjs'

const TOKEN = 'bench-token-of-sixteen-characters-and-more'

export const has = program => spawnSync('which', [program]).status === 0

/** The route through a querywarden that drops what it would record. */
export const UNRECORDED = 'unrecorded'

const MASKS = '  - { columns: ["public.customers.ssn"], with: redact }\n'

/**
 * Starts a database and all ways to it. `setUp` is given the database before anything reads its schema. `gateways` are the
 * masks of each querywarden, as YAML, by the name of its route. `unrecorded`: the first of them once more, recording nothing.
 */
export async function startRoutes({ tls = false, setUp, gateways = { querywarden: MASKS }, unrecorded = false }) {
  const dir = mkdtempSync(join(tmpdir(), 'querywarden-bench-'))
  const children = []
  const database = await startPostgres({ database: 'bench' })
  const stop = async () => {
    await stopAll(children, 'SIGTERM')
    await database.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  const context = { dir, children, database, tls }
  try {
    await database.exec(
      "create table customers (id int primary key, ssn text); insert into customers values (1, '512-84-7731')",
    )
    await setUp(database)
    if (tls) writeCertificates(dir)
    const { port, password } = database
    const routes = [
      { name: 'direct', port, password, pid: null, tls: false },
      { name: 'plain pipe', ...(await startPipe(context)), password, tls: false },
      ...(has('pgbouncer') ? [{ name: 'pgbouncer', ...(await startPgbouncer(context)), password, tls }] : []),
    ]
    for (const [name, masks] of Object.entries(gateways)) {
      routes.push({
        name,
        ...(await startQuerywarden(context, name.replaceAll(' ', '-'), masks)),
        password: TOKEN,
        tls,
      })
    }
    if (unrecorded) {
      const started = await startQuerywarden(context, 'unrecorded', Object.values(gateways)[0], [
        '--import',
        new URL('./null-recorder.mjs', import.meta.url).href,
      ])
      routes.push({ name: UNRECORDED, ...started, password: TOKEN, tls })
    }
    return { routes, database, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The processor time that a route's process has used so far, in milliseconds. Linux counts it in hundredths of a second. */
export function cpuMs(pid) {
  const [, fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user, system] = fields.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

export const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** All take turns in every round, so that what else the machine does hits them alike. */
export const rotated = (list, by) => list.map((_, i) => list[(i + by) % list.length])

async function startPipe({ children, database }) {
  const { child, line } = await startNode(children, [join(here, 'peers/plain-pipe.mjs'), String(database.port)])
  return { port: Number(line), pid: child.pid }
}

async function startQuerywarden({ dir: parent, children, database, tls }, name, masks, nodeArgs = []) {
  const dir = join(parent, name)
  mkdirSync(dir)
  if (tls) writeCertificates(dir)
  writeFileSync(
    join(dir, 'policy.yaml'),
    `version: 1
rules:
  - { id: read, decision: allow, what: { effects: [read, session, transaction] } }
  - { id: no-ddl, decision: deny, what: { effects: [ddl, dcl, external] } }
masks:
${masks}`,
  )
  writeFileSync(
    join(dir, 'querywarden.yaml'),
    `listen:
  postgres: { address: 127.0.0.1:0${tls ? ', tls: { cert: server.crt, key: server.key }' : ''} }
  admin: { address: 127.0.0.1:0 }
identity: [{ kind: static, tokens: [{ token: { env: BENCH_TOKEN }, subject: bench, groups: [] }] }]
targets:
  bench: { dialect: postgres, url: "postgres://postgres@127.0.0.1:${database.port}/bench", password: { env: BENCH_PASSWORD } }
policy: policy.yaml
recording: { dir: recordings }
`,
  )
  const { child, line } = await startNode(
    children,
    [...nodeArgs, gatewayBin, 'up', '-c', join(dir, 'querywarden.yaml')],
    {
      env: { BENCH_TOKEN: TOKEN, BENCH_PASSWORD: database.password },
      match: /querywarden is up/,
    },
  )
  return { port: JSON.parse(line).postgres.port, pid: child.pid }
}

async function startPgbouncer({ dir, children, database, tls }) {
  const port = await freePort()
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
${tls ? `client_tls_sslmode = require\nclient_tls_cert_file = ${join(dir, 'server.crt')}\nclient_tls_key_file = ${join(dir, 'server.key')}\n` : ''}`,
  )
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  spawnSync('chmod', ['-R', 'a+rX', dir])
  const child = spawn('pgbouncer', [...asUser, join(dir, 'pgbouncer.ini')], { stdio: 'ignore' })
  children.push(child)
  await new Promise(resolve => setTimeout(resolve, 1_000))
  return { port, pid: child.pid }
}

function writeCertificates(dir) {
  const { server } = makeCertificates()
  writeFileSync(join(dir, 'server.crt'), server.cert)
  writeFileSync(join(dir, 'server.key'), server.key)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
