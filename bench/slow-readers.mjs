// What clients cost that ask for a large result and hardly read it: the growth of the gateway's memory with many of them, each
// offered 1 GB by a real PostgreSQL. The bound is 2 MiB in flight by session (docs/limits.md); sockets' buffers in the
// kernel are not the gateway's memory and not counted.
//
//   npm run bench -- slow-readers            [READERS=1000] [SECONDS=20]
//
// Each reader is a process of PostgreSQL, some 3 MB; a session takes three file descriptors of the gateway (see
// idle-sessions.mjs for what to do where the limit is lower). Ends with 1 when the bound is broken or a reader starves.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@querywarden/dev-servers'
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

const wanted = Number(process.env.READERS ?? 1_000)
const seconds = Number(process.env.SECONDS ?? 20)
const TOKEN = 'bench-token-of-sixteen-characters-and-more'
const SPARE = 200
const BOUND_MIB = 2

const descriptors = 3 * wanted + SPARE
const readers = Math.min(wanted, Math.floor((descriptorsFor(descriptors) - SPARE) / 3))
if (readers < wanted) console.log(`holding ${readers} readers in place of ${wanted}: no more descriptors are allowed`)
const dir = mkdtempSync(join(tmpdir(), 'querywarden-bench-'))
const children = []
const database = await startPostgres({
  database: 'bench',
  settings: { max_connections: String(readers + 20), shared_buffers: '64MB' },
})
try {
  writeFileSync(
    join(dir, 'policy.yaml'),
    'version: 1\nrules:\n  - { id: read, decision: allow, what: { effects: [read, session, transaction] } }\n',
  )
  writeFileSync(
    join(dir, 'querywarden.yaml'),
    `listen: { postgres: { address: 127.0.0.1:0 }, admin: { address: 127.0.0.1:0 } }
identity: [{ kind: static, tokens: [{ token: { env: BENCH_TOKEN }, subject: bench, groups: [] }] }]
targets:
  bench: { dialect: postgres, url: "postgres://postgres@127.0.0.1:${database.port}/bench", password: { env: BENCH_PASSWORD } }
policy: policy.yaml
recording: { dir: recordings }
limits: { sessions: 100000, sessions_per_identity: 100000, login_seconds: 60, memory_mb: 65536 }
`,
  )
  const gateway = await startNode(children, [gatewayBin, 'up', '-c', join(dir, 'querywarden.yaml')], {
    env: { BENCH_TOKEN: TOKEN, BENCH_PASSWORD: database.password },
    descriptors,
    match: /querywarden is up/,
  })
  const { port } = JSON.parse(gateway.line).postgres
  await settled(2_000)
  const before = resident(gateway.child)
  const clients = await startNode(
    children,
    [join(here, 'peers/many-clients.mjs'), String(port), String(readers), 'slow'],
    { env: { BENCH_TOKEN: TOKEN }, match: /^ready/ },
  )
  let most = 0
  for (let i = 0; i < seconds * 4; i++) {
    await settled(250)
    most = Math.max(most, resident(gateway.child))
  }
  const read = nextLine(clients.lines, /^read/)
  clients.child.stdin.write('\n')
  const [, total, least] = (await read).split(' ').map(Number)
  const each = (most - before) / readers / 1_048_576
  console.log(
    `${clients.line.slice(6)} slow readers of 1 GB each: ${(most / 1_048_576).toFixed(0)} MiB at most (${(before / 1_048_576).toFixed(0)} before any), ${each.toFixed(3)} MiB each; the bound is ${BOUND_MIB}`,
  )
  console.log(
    `they took ${(total / 1_048_576).toFixed(0)} MiB meanwhile; the one that got least has ${(least / 1_024).toFixed(0)} KiB`,
  )
  if (each > BOUND_MIB || least === 0) process.exitCode = 1
} finally {
  await stopAll(children)
  await database.stop()
  rmSync(dir, { recursive: true, force: true })
}
