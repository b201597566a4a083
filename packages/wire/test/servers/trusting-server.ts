import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PostgresMajor, type PostgresServer, startPostgres } from '@querywarden/dev-servers'

/** A server where `trusted` needs no password, `plain` sends it as it is, `digest` by MD5, and `postgres` by SCRAM. */
export async function startTrustingServer(major: PostgresMajor): Promise<PostgresServer> {
  const server = await startPostgres({ major, settings: { max_connections: '40' } })
  await server.exec(`
    create role trusted login superuser;
    create role plain login password 'pläin';
    set password_encryption = 'md5';
    create role digest login password 'digest';
  `)
  const file = join(server.dataDir, 'pg_hba.conf')
  const before = await readFile(file, 'utf8')
  const first = ['trusted trust', 'plain password', 'digest md5'].map(line => {
    const [role, method] = line.split(' ')
    return `host all ${role} 127.0.0.1/32 ${method}`
  })
  await writeFile(file, `${first.join('\n')}\n`)
  await appendFile(file, before)
  await server.exec('select pg_reload_conf()')
  return server
}
