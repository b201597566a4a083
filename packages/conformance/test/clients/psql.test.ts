import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { environmentOf, programPath, run, start } from './programs.ts'
import { COMMANDS, TELLTALE_COMMANDS } from './psql-commands.ts'
import { runPsql } from './psql-script.ts'
import { DENIED, NOT_UNDERSTOOD, OF_THE_SESSION, SNIPPETS } from './psql-snippets.ts'
import { RICH_SCHEMA } from './rich-schema.ts'

type Printed = ReadonlyMap<string, string>

describe.each([15, 18] as const)('psql, on PostgreSQL %i', major => {
  let world: GovernedServer
  beforeAll(async () => {
    world = await startGovernedServer({ major, schema: RICH_SCHEMA })
  })
  afterAll(() => world.stop())

  const printedBy = async (route: Route, parts: Printed): Promise<Printed> => {
    await world.reset()
    return runPsql(route, parts)
  }
  const named = (texts: readonly string[]): Printed => new Map(texts.map(text => [text, text]))

  describe('commands', () => {
    let direct: Printed
    let governed: Printed
    beforeAll(async () => {
      direct = await printedBy(world.direct, named(COMMANDS))
      governed = await runPsql(world.governed, named(COMMANDS))
    })
    test.each(COMMANDS)('%s', command => {
      expect(governed.get(command)).toBe(direct.get(command))
      expect(direct.get(command)).toMatch(/\S/)
    })
  })

  test('commands that show more than the schema need a rule for unknown', async () => {
    const parts = new Map(TELLTALE_COMMANDS.map(text => [text, `\\set VERBOSITY sqlstate\n${text}`]))
    const direct = await runPsql(world.direct, parts)
    expect(await runPsql(world.trusted, parts)).toEqual(direct)
    const governed = await runPsql(world.governed, parts)
    for (const text of TELLTALE_COMMANDS) expect([text, governed.get(text)]).toEqual([text, 'ERROR:  42501\n'])
  })

  describe('statements', () => {
    let direct: Printed
    let governed: Printed
    beforeAll(async () => {
      direct = await printedBy(world.direct, SNIPPETS)
      governed = await printedBy(world.governed, SNIPPETS)
    })
    test.each([...SNIPPETS.keys()])('%s', name => {
      expect(governed.get(name)).toBe(direct.get(name))
      expect(direct.get(name)).toMatch(/\S/)
    })
  })

  test('what is not understood runs where the policy allows unknown', async () => {
    const direct = await printedBy(world.direct, NOT_UNDERSTOOD)
    expect(await printedBy(world.trusted, NOT_UNDERSTOOD)).toEqual(direct)
    const states = new Map([...NOT_UNDERSTOOD].map(([name, text]) => [name, `\\set VERBOSITY sqlstate\n${text}`]))
    const governed = await printedBy(world.governed, states)
    for (const name of NOT_UNDERSTOOD.keys()) expect(governed.get(name)).toMatch(/^ERROR: {2}42501$/m)
  })

  test.each([...OF_THE_SESSION.keys()])('%s', async name => {
    const parts = new Map([[name, OF_THE_SESSION.get(name) ?? '']])
    const direct = await runPsql(world.direct, parts)
    expect(await runPsql(world.governed, parts)).toEqual(direct)
  })

  test('M1: rows straight from a relation that was not judged end the session, whatever the policy', async () => {
    const text = '\\set VERBOSITY sqlstate\ncreate temp table tt as select 1 as a;\nselect a from tt;'
    const printed = await runPsql(world.trusted, new Map([['tt', text]]))
    expect(printed.get('tt')).toMatch(/^FATAL: {2}XX000$/m)
  })

  test('some things are denied whatever the policy', async () => {
    const aliveAfter = (text: string): string => `\\set VERBOSITY sqlstate\n${text}\nselect 'alive' as state;`
    const parts = new Map(DENIED.map(([text]) => [text, aliveAfter(text)]))
    for (const route of [world.governed, world.trusted]) {
      const printed = await runPsql(route, parts)
      for (const [text, sqlstate] of DENIED) {
        expect([text, printed.get(text)]).toEqual([text, expect.stringContaining(`ERROR:  ${sqlstate}\n`)])
        expect(printed.get(text)).toContain('alive')
      }
    }
  })

  test('what it completes at the tab key', async () => {
    const direct = await completions(world.direct)
    expect(await completions(world.governed)).toEqual(direct)
    expect(direct.join('\n')).toContain('select id from orders where total')
    expect(direct.join('\n')).toContain('drop constraint long_enough')
  })

  test('a query is cancelled by SIGINT', async () => {
    for (const route of [world.direct, world.governed]) {
      const psql = start(programPath('psql'), ['-X', '-q', '-f', '-'], environmentOf(route), stdout => {
        if (stdout.includes('begun')) setTimeout(() => psql.kill('SIGINT'), 200)
      })
      psql.write('\\echo begun\nselect pg_sleep(20);\n')
      psql.end()
      const { stderr } = await psql.done
      expect(stderr).toContain('canceling statement due to user request')
    }
  })

  test('\\watch ends at SIGINT', async () => {
    for (const route of [world.direct, world.governed]) {
      const psql = start(programPath('psql'), ['-X', '-A', '-t', '-f', '-'], environmentOf(route), stdout => {
        if ((stdout.match(/42/g)?.length ?? 0) >= 3) psql.kill('SIGINT')
      })
      psql.write('select 42 \\watch 0.05\n')
      psql.end()
      expect((await psql.done).stdout).toMatch(/(42\s+){3}/)
    }
  })

  test('a login that is refused says so as the server would', async () => {
    const wrong = { PGPASSWORD: 'not the password' }
    const [direct, governed] = await Promise.all(
      [world.direct, world.governed].map(route =>
        run(programPath('psql'), ['-X', '-c', 'select 1'], environmentOf(route, wrong)),
      ),
    )
    expect([direct?.code, governed?.code]).toEqual([2, 2])
    expect(governed?.stderr).toMatch(/FATAL: {2}login refused/)
  })
})

/** What is typed, each cleared by ctrl-U before the next. */
const KEYS = [
  'select * from cust\t\t',
  'select id from orders where tot\t',
  'insert into orders (\t\t',
  '\\d cust\t\t',
  'set timez\t',
  'set search_path to \t\t',
  'grant select on orders to rea\t',
  'alter table customers drop constraint lo\t',
  'select shop.a\t\t',
  'drop function shop.\t\t',
  '\\dn sh\t',
  'create index on or\t\t',
  'drop policy mi\t on \t',
  'alter type shop.mo\t rename value \t\t',
  'refresh materialized view \t',
  'update orders set \t\t',
  'drop publication \t',
  'drop trigger to\t on \t',
  'set role rea\t',
]

/** What the lines come to, in a terminal. */
async function completions(route: Route): Promise<readonly string[]> {
  let isTyped = false
  const command = `${programPath('psql')} -X -q -v PROMPT1=ready=`
  const env = environmentOf(route, { TERM: 'dumb', INPUTRC: '/dev/null', COLUMNS: '200' })
  const psql = start('script', ['-qfec', command, '/dev/null'], env, stdout => {
    if (isTyped || !stdout.endsWith('ready=')) return
    isTyped = true
    psql.write(`${KEYS.join('\u0015')}\u0015\\q\n`)
  })
  const { stdout } = await psql.done
  const lines = stdout
    .slice(stdout.indexOf('ready='))
    .replaceAll('\u0007', '')
    .split(/\r+\n?|\n/)
  return lines.map(line => line.trimEnd()).filter(line => line !== '' && line !== 'ready=')
}
