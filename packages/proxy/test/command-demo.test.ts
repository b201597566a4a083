import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildCommand, querywarden, start } from './built-command.ts'

// Every step is a process of its own, and machines are shared.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const run = promisify(execFile)

/** Processes whose command line names a folder: the servers of a demo keep all their files in its temporary one. */
async function processesIn(folder: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter(line => line.includes(folder))
}

describe('the demo', () => {
  let folder: string
  beforeAll(async () => {
    await buildCommand()
    folder = await mkdtemp(join(tmpdir(), 'querywarden-test-'))
    // The database's own user must get in.
    await chmod(folder, 0o755)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** But for what makes a second run quick. */
  const nothingIsLeft = async (): Promise<void> => {
    expect(await processesIn(folder)).toEqual([])
    expect((await readdir(folder)).filter(name => !name.startsWith('querywarden-dev-cache-'))).toEqual([])
  }

  test('shows every promise, ends with 0 and leaves nothing behind', async () => {
    const { exit, out, err } = await querywarden(['demo'], { env: { TMPDIR: folder } })
    expect({ exit, err }).toEqual({ exit: 0, err: '' })
    for (const fact of [
      'Ada Byron | a***@example.com | [redacted]',
      ']detcader[,]detcader[,]detcader[',
      /ERROR 22P02: .* withheld/,
      '(no rows)',
      'Ada Byron\t[redacted]',
      'ERROR 42501: statement refused by rule no-destruction',
      /NOTICE: waiting for approval: request [0-9a-f-]{36}/,
      'DELETE 2',
      'statement refused by rule no-unbounded-writes',
      /login refused: token has expired/,
      /#9 granted by dana/,
      /COMPLETE +[0-9]+ frames/,
      /TAMPERED +at frame/,
      'never a database password',
    ])
      expect(out).toMatch(typeof fact === 'string' ? new RegExp(fact.replace(/[[\]*|().]/g, '\\$&')) : fact)
    for (const secret of ['512-84', '4556 7375', 'ada@']) expect(out).not.toContain(secret)
    // It is to be read in a terminal.
    expect(out.split('\n').filter(line => line.length > 160 || line !== line.trimEnd())).toEqual([])
    await nothingIsLeft()
  })

  test('--serve gives lines that work: psql waits, another terminal approves, Ctrl-C ends it', async () => {
    const { child, ended, prints } = start(['demo', '--serve'], { env: { TMPDIR: folder } })
    await prints(/Stop with Ctrl-C\./)
    expect((await processesIn(folder)).length).toBeGreaterThan(0)
    const [, psql = ''] = await prints(/^ +(PGPASSWORD=.* psql .*)$/m)
    const [, admin = ''] = await prints(/export QUERYWARDEN_ADMIN=(\S+)/)
    const [, tokenFile = ''] = await prints(/approvals list --token-file (\S+)/)
    const [, recordings = ''] = await prints(/sessions list --dir (\S+)/)

    const deleted = run('sh', [
      '-c',
      `${psql} -c "delete from orders where status = 'new'" -c "select ssn from customers"`,
    ])
    const approvals = (...args: readonly string[]) =>
      querywarden(['approvals', ...args, '--token-file', tokenFile, '--json'], { env: { QUERYWARDEN_ADMIN: admin } })
    let request: string | undefined
    while (request === undefined)
      request = (JSON.parse((await approvals('list')).out) as { request: string }[])[0]?.request
    expect((await approvals('approve', request)).exit).toBe(0)
    const { stdout, stderr } = await deleted
    expect(stderr).toContain(request)
    expect(stdout).toContain('DELETE 2')
    expect(stdout).toContain('[redacted]')
    expect((await querywarden(['sessions', 'verify', '--all', '--dir', recordings])).exit).toBe(0)

    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exit: 0, err: '' })
    await nothingIsLeft()
  })

  test('interrupted in the midst it says so and leaves nothing behind', async () => {
    const { child, ended, prints } = start(['demo'], { env: { TMPDIR: folder } })
    await prints(/Starting PostgreSQL/)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ exit: 1, err: 'querywarden: the demo was interrupted\n' })
    await nothingIsLeft()
  })
})
