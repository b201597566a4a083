import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { Client } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { POSTGRES_MAJORS } from './binaries.ts'
import { isRunning } from './is-running.ts'
import { type PostgresOptions, type PostgresServer, startPostgres } from './start-postgres.ts'

const started: PostgresServer[] = []
const start = async (options: PostgresOptions): Promise<PostgresServer> => {
  const server = await startPostgres(options)
  started.push(server)
  return server
}
afterEach(async () => {
  await Promise.all(started.splice(0).map(server => server.stop()))
})

const isOpen = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

describe.each(POSTGRES_MAJORS)('PostgreSQL %i', major => {
  test('starts with the settings asked for, and stops without a trace', async () => {
    const server = await start({ major, database: 'My "db"', settings: { work_mem: '5MB' } })
    expect(await server.exec('show server_version')).toEqual([
      { server_version: expect.stringMatching(`^${major}\\.`) },
    ])
    expect(
      await server.exec(`select current_setting('work_mem') as mem, current_setting('server_encoding') as encoding,
        current_setting('fsync') as fsync, current_database() as db`),
    ).toEqual([{ mem: '5MB', encoding: 'UTF8', fsync: 'off', db: 'My "db"' }])

    const { pid, port, dataDir } = server
    await server.stop()
    expect(isRunning(pid)).toBe(false)
    expect(await isOpen(port)).toBe(false)
    expect(existsSync(dirname(dataDir))).toBe(false)
    await server.stop()
  })
})

test('lets nobody in without the password, which is different for every server', async () => {
  const [one, two] = await Promise.all([start({}), start({})])
  expect(one.password).not.toBe(two.password)
  const client = new Client({ host: one.host, port: one.port, user: one.user, password: two.password })
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' })
  const known = new Client({ connectionString: one.url })
  await known.connect()
  await known.end()
})

test('keeps a given password, however odd', async () => {
  const server = await start({ password: `it's "odd" @/:\\%` })
  const client = new Client({ connectionString: server.url })
  await client.connect()
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await client.end()
})

test('serves TLS with a certificate of the given authority', async () => {
  const server = await start({ tls: true })
  const ca = server.certificates!.ca
  const client = new Client({ connectionString: server.url, ssl: { ca, rejectUnauthorized: true } })
  await client.connect()
  const { rows } = await client.query('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()')
  expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3' }])
  await client.end()

  const distrustful = new Client({ connectionString: server.url, ssl: { rejectUnauthorized: true } })
  await expect(distrustful.connect()).rejects.toThrow(/certificate/)
})

test('a failed start says what the server said, and leaves nothing', async () => {
  await expect(startPostgres({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'START_FAILED',
    message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
  })
})

test('a killed or paused server can still be stopped', async () => {
  const killed = await start({})
  killed.kill('SIGKILL')
  await killed.stop()
  expect(existsSync(killed.dataDir)).toBe(false)

  const paused = await start({})
  paused.kill('SIGSTOP')
  await paused.stop()
  expect(isRunning(paused.pid)).toBe(false)
})

test('stops with clients on it', async () => {
  const server = await start({})
  const client = new Client({ connectionString: server.url })
  const lost = new Promise<Error>(resolve => client.once('error', resolve))
  await client.connect()
  await server.stop()
  expect(await lost).toBeInstanceOf(Error)
})
