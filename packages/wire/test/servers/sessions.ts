import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { PostgresServer } from '@querywarden/dev-servers'
import pg from 'pg'
import {
  BACKEND,
  COPY_DONE,
  encodeBind,
  encodeClose,
  encodeCopyData,
  encodeCopyFail,
  encodeDescribe,
  encodeExecute,
  encodeFunctionCall,
  encodeParse,
  encodeQuery,
  FLUSH,
  SYNC,
  TERMINATE,
} from '../../src/postgres/index.ts'
import { openRaw } from './raw-session.ts'

/** What real clients do, each through a port that records it. */
export interface Through {
  readonly server: PostgresServer
  readonly port: number
}

const SCRIPT = `
\\set VERBOSITY verbose
select 1 as "ä€𝄞", null, 'x''y', $$;$$; ;
do $$ begin raise notice 'nö %', 1; raise warning using errcode = '01W01', hint = 'h', detail = 'd'; end $$;
select 1/0;
begin; select nonsense; rollback;
create temp table t (a int, b text, c bytea);
\\copy t from stdin
1\tx\t\\\\x00ff
2\t\\N\t\\N
\\.
\\copy t to stdout
\\copy (select * from t) to stdout with (format binary)
\\copy t from stdin
not a number
\\.
listen jobs; notify jobs, 'pay€load'; notify jobs;
select 1;
set application_name = 'renamed'; set client_encoding = 'LATIN1'; reset client_encoding;
select repeat('x', 100000);
select * from generate_series(1, 3000);
\\lo_import ${fileURLToPath(import.meta.url)}
\\d pg_class
`

/** psql with the server's own libpq: simple queries, COPY, notices, notifications, large objects (FunctionCall). */
export async function runPsql(through: Through, maxProtocol?: string): Promise<void> {
  const psql = startPsql(through, ['-X', '-f', '-'], maxProtocol)
  psql.stdin.end(SCRIPT)
  const [code] = await once(psql, 'close')
  if (code !== 0) throw new Error(`psql ended with ${code}`)
}

/** psql interrupted: libpq sends a CancelRequest on a connection of its own. */
export async function cancelInPsql(through: Through, maxProtocol?: string): Promise<void> {
  const psql = startPsql(through, ['-X', '-c', 'select pg_sleep(60)'], maxProtocol)
  const closed = once(psql, 'close')
  for (;;) {
    const [row] = await through.server.exec(
      `select count(*)::int as running from pg_stat_activity where query = 'select pg_sleep(60)'`,
    )
    if (row?.['running'] === 1) break
    await sleep(20)
  }
  psql.kill('SIGINT')
  await closed
}

function startPsql({ server, port }: Through, args: readonly string[], maxProtocol?: string) {
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: server.libDir,
    PGPASSWORD: server.password,
    PGCLIENTENCODING: 'UTF8',
    ...(maxProtocol === undefined ? {} : { PGMAXPROTOCOLVERSION: maxProtocol }),
  }
  return spawn('psql', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', 'postgres', ...args], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
}

/** node-postgres: the extended protocol, prepared statements, suspended portals, errors, and the older logins. */
export async function runNodePostgres({ server, port }: Through): Promise<void> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: server.password,
    database: 'postgres',
  })
  client.on('notification', () => undefined)
  await client.connect()
  await client.query('select $1::text, $2::int, $3::bytea', ['ä\u{10ffff}', 7, Buffer.from([0, 255])])
  await client.query({ name: 'named', text: 'select $1::int', values: [null] })
  await client.query({ name: 'named', text: 'select $1::int', values: [2] })
  await client.query({ text: 'select 1::int8, 2::float8, now()', binary: true } as pg.QueryConfig)
  await client.query({ text: 'select * from generate_series(1, $1::int)', values: [10], rows: 3 } as pg.QueryConfig)
  await client.query('select $1::int', ['not a number']).catch(() => undefined)
  await client.query('create temp table t (a int)')
  await client.query('insert into t values ($1)', [1])
  await client.query('listen jobs')
  await client.query('select pg_notify($1, $2)', ['jobs', 'x'])
  await client.end()
  for (const [user, password] of [
    ['plain', 'pläin'],
    ['digest', 'digest'],
  ]) {
    const other = new pg.Client({
      host: '127.0.0.1',
      port,
      user: user ?? '',
      password: password ?? '',
      database: 'postgres',
    })
    await other.connect()
    await other.end()
  }
  const refused = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password: 'wrong', database: 'postgres' })
  await refused.connect().catch(() => undefined)
}

/** What no client at hand sends: Flush, Close, CopyFail, portals left suspended, COPY in binary, replication. */
export async function runRaw({ port }: Through, minor: number): Promise<void> {
  const user = { user: 'trusted', database: 'postgres', application_name: 'rä' }
  const session = await openRaw(port, { ...user, '_pq_.grease': '1' }, minor)
  const bind = { portal: 'p', statement: 's', parameterFormats: [], parameters: [], resultFormats: [1] }
  session.send(
    encodeParse({ name: 's', query: 'select * from generate_series(1, 5)', parameterTypes: [] }),
    encodeDescribe({ kind: 'statement', name: 's' }),
    encodeBind(bind),
    encodeDescribe({ kind: 'portal', name: 'p' }),
    encodeExecute({ portal: 'p', rowsMax: 2 }),
    FLUSH,
  )
  await session.until(BACKEND.portalSuspended)
  session.send(
    encodeExecute({ portal: 'p', rowsMax: 2 }),
    encodeClose({ kind: 'portal', name: 'p' }),
    encodeClose({ kind: 'statement', name: 's' }),
    encodeParse({ name: '', query: 'set local statement_timeout = 0', parameterTypes: [] }),
    encodeDescribe({ kind: 'statement', name: '' }),
    encodeParse({ name: '', query: '', parameterTypes: [] }),
    encodeBind({ ...bind, portal: '', statement: '', resultFormats: [] }),
    encodeExecute({ portal: '', rowsMax: 0 }),
    SYNC,
  )
  await session.until(BACKEND.readyForQuery)
  session.send(
    encodeFunctionCall({
      functionOid: 1598, // random()
      argumentFormats: [],
      arguments: [],
      resultFormat: 'text',
    }),
  )
  await session.until(BACKEND.readyForQuery)
  session.send(encodeQuery({ query: 'create temp table t (a int, b int); copy t from stdin (format binary)' }))
  await session.until(BACKEND.copyInResponse)
  session.send(encodeCopyData({ data: Uint8Array.of(1, 2) }), encodeCopyFail({ reason: 'enough' }))
  await session.until(BACKEND.readyForQuery)
  session.send(TERMINATE)
  await session.close()
  await replicate(port, user)
}

/** A COPY both ways, as replicas have it. */
async function replicate(port: number, user: Readonly<Record<string, string>>): Promise<void> {
  const session = await openRaw(port, { ...user, replication: 'database' })
  session.send(encodeQuery({ query: 'IDENTIFY_SYSTEM' }))
  const row = (await session.until(BACKEND.readyForQuery)).find(({ tag }) => tag === BACKEND.dataRow)
  const position = /[0-9A-F]+\/[0-9A-F]+/.exec(Buffer.from(row?.body ?? []).toString('latin1'))?.[0]
  session.send(encodeQuery({ query: `START_REPLICATION PHYSICAL ${position}` }))
  await session.until(BACKEND.copyBothResponse)
  session.send(COPY_DONE)
  await session.until(BACKEND.readyForQuery)
  session.send(TERMINATE)
  await session.close()
}
