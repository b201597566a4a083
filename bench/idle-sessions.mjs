// What a session that does nothing costs: logs in many, plain and then with TLS, and prints the growth of the gateway's
// memory by session. The sessions end at a scripted database in a process of its own, since PostgreSQL would need one
// process for each; the clients have a process of their own too.
//
//   npm run bench -- idle-sessions            [SESSIONS=10000] [TLS_SESSIONS=2000] [WORKERS=1]
//
// A session takes three file descriptors of its worker: client, database, recording. The gateway is started with
// `ulimit -n` as high as that needs; where the hard limit is lower, fewer sessions are held, and the output says so. To
// hold all, use more workers, each with a limit of its own, or raise the hard limit first:
// `ulimit -Hn 32000` as root, `LimitNOFILE=` in a systemd unit, `--ulimit nofile=32000` of a container.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates, startPostgres } from '@querywarden/dev-servers'
import {
  descriptorsFor,
  gatewayBin,
  here,
  nextLine,
  resident,
  settled,
  startNode,
  stopAll,
} from './peers/processes.mjs'

const wanted = { plain: Number(process.env.SESSIONS ?? 10_000), tls: Number(process.env.TLS_SESSIONS ?? 2_000) }
const TOKEN = 'bench-token-of-sixteen-characters-and-more'
const workers = Number(process.env.WORKERS ?? 1)
const SPARE = 200
/** Linux' ephemeral ports of one address, less what others use. */
const PORTS = 27_000

const dir = mkdtempSync(join(tmpdir(), 'querywarden-bench-'))
const database = await startPostgres({ database: 'bench' })
try {
  const certificates = makeCertificates()
  writeFileSync(join(dir, 'server.crt'), certificates.server.cert)
  writeFileSync(join(dir, 'server.key'), certificates.server.key)
  writeFileSync(join(dir, 'ca.crt'), certificates.ca)
  writeFileSync(
    join(dir, 'policy.yaml'),
    'version: 1\nrules:\n  - { id: read, decision: allow, what: { effects: [read, session, transaction] } }\n',
  )
  for (const kind of ['plain', 'tls']) if (wanted[kind] > 0) await measure(kind, wanted[kind])
} finally {
  await database.stop()
  rmSync(dir, { recursive: true, force: true })
}

async function measure(kind, sessions) {
  // Sessions are handed out in turn, so that no worker has many more than its part.
  const descriptors = 3 * Math.ceil((sessions * (workers > 1 ? 1.05 : 1)) / workers) + SPARE
  const allowed = descriptorsFor(descriptors)
  const count = Math.min(sessions, Math.floor(((allowed - SPARE) / 3) * (workers > 1 ? workers / 1.05 : 1)), PORTS)
  if (count < sessions)
    console.log(`${kind}: ${allowed} descriptors allowed; holding ${count} sessions in place of ${sessions}`)
  const children = []
  try {
    const upstream = await startNode(children, [join(here, 'peers/idle-database.mjs'), String(database.port)], {
      env: { BENCH_PASSWORD: database.password },
    })
    const gateway = await startGateway(children, kind, Number(upstream.line), descriptors)
    const { port } = JSON.parse(gateway.line).postgres
    await settled(2_000)
    const before = resident(gateway.child)
    const started = performance.now()
    const clients = await startNode(
      children,
      [
        join(here, 'peers/many-clients.mjs'),
        String(port),
        String(count),
        'idle',
        ...(kind === 'tls' ? [join(dir, 'ca.crt')] : []),
      ],
      { env: { BENCH_TOKEN: TOKEN }, match: /^ready/ },
    )
    const seconds = (performance.now() - started) / 1_000
    await settled(5_000)
    const held = resident(gateway.child)
    const answered = nextLine(clients.lines, /^answered/)
    clients.child.stdin.write('\n')
    console.log(
      `${kind}: ${clients.line.slice(6)} sessions held in ${mib(held)} MiB (${mib(before)} before any), ${((held - before) / count / 1_024).toFixed(1)} KiB each; ${(count / seconds).toFixed(0)} logins a second; ${(await answered).slice(9)} of them answered`,
    )
  } finally {
    await stopAll(children)
  }
}

function startGateway(children, kind, upstreamPort, descriptors) {
  const tls = kind === 'tls' ? ', tls: { cert: server.crt, key: server.key }' : ''
  writeFileSync(
    join(dir, 'querywarden.yaml'),
    `listen: { postgres: { address: 127.0.0.1:0${tls} }, admin: { address: 127.0.0.1:0 } }
identity: [{ kind: static, tokens: [{ token: { env: BENCH_TOKEN }, subject: bench, groups: [] }] }]
targets:
  bench: { dialect: postgres, url: "postgres://postgres@127.0.0.1:${upstreamPort}/bench", password: { env: BENCH_PASSWORD } }
policy: policy.yaml
recording: { dir: recordings-${kind} }
limits: { sessions: 100000, sessions_per_identity: 100000, login_seconds: 60, memory_mb: 65536 }
`,
  )
  return startNode(children, [gatewayBin, 'up', '-c', join(dir, 'querywarden.yaml'), '--workers', String(workers)], {
    env: { BENCH_TOKEN: TOKEN, BENCH_PASSWORD: database.password },
    descriptors,
    match: /querywarden is up/,
  })
}

function mib(bytes) {
  return (bytes / 1_048_576).toFixed(0)
}
