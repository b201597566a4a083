import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CommandWorld, startCommandWorld } from './command-world.ts'

// Every step is a process of its own, and machines are shared.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const VIEW = `create view order_names as select o.id, o.status, n.body from orders o join notes n on n.id = o.id;
grant select on order_names to svc_app;`

let world: CommandWorld
let config: string
beforeAll(async () => {
  world = await startCommandWorld()
  await world.database.exec(VIEW)
  config = await world.configure({ recording: '{ dir: ./recordings }' })
})
afterAll(() => world.stop())

const AGENT = ['--target', 'app', '--as', 'agent', '--group', 'ai-agents'] as const

interface Answer {
  readonly id: unknown
  readonly outcome: string
  readonly [key: string]: unknown
}

/** Answers to lines, in order. */
async function batch(lines: readonly (object | string)[], more: readonly string[] = []) {
  const file = `batch-${batches++}.ndjson`
  const text = lines.map(line => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
  await writeFile(join(world.dir, file), text)
  const { exit, out, err } = await world.run(['policy', 'explain', '-c', config, ...AGENT, '--batch', file, ...more])
  expect(err).toBe('')
  const answers = out
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Answer)
  return { exit, answers }
}
let batches = 0

describe.concurrent('usage', () => {
  test.each([
    [['policy', 'explain', 'select 1', '--sql', 'select 1'], 2],
    [['policy', 'test'], 2],
    [['policy', 'test', 'none.test.yaml'], 2],
    [['policy', 'test', '--min-coverage', '101'], 2],
    [['policy', 'diff', 'a.yaml'], 2],
    [['policy', 'init', 'none'], 2],
    [['policy', 'catalog'], 2],
    [['schema', 'none'], 2],
    [['schema', 'policy'], 0],
    [['policy', 'diff', '--help'], 0],
  ] as const)('querywarden %j ends with %d', async (args, exit) => {
    const { out, err, ...ended } = await world.run(args)
    expect(ended.exit).toBe(exit)
    expect(exit === 0 ? err : out).toBe('')
  })
})

describe('policy explain', () => {
  test('points at the place that decided, in what an EXECUTE runs too', async () => {
    const { exit, out } = await world.run([
      ...['policy', 'explain', '-c', config, ...AGENT],
      ...['--pre', 'prepare p as delete\nfrom orders', '--sql', 'execute p'],
    ])
    expect(exit).toBe(1)
    expect(out).toMatch(/^deny \(DENIED_BY_RULE\)\n/)
    expect(out).toContain('it runs: delete from orders')
    expect(out).toMatch(/\n {2}from orders\n {7}\^{6}\n$/)
    const coloured = await world.run([
      ...['policy', 'explain', '-c', config, ...AGENT],
      ...['--pre', "prepare p as select '\u001b[2J'", '--sql', 'execute p'],
    ])
    expect(coloured.out).toContain("it runs: select '\\u{1b}[2J'")
  })

  test('says which rule came nearest to what none allows, and which columns are not there', async () => {
    const explain = (group: string, sql: string) =>
      world.run(['policy', 'explain', '-c', config, '--target', 'app', '--group', group, sql])
    const stranger = await explain('ai-agent', 'select id from customers')
    expect(stranger.out).toContain('\n  nearly   select on public.customers: read would allow it, but for who.groups\n')
    const mistyped = await explain('ai-agents', 'select c.nmae, c.name as n, xmin from orders c group by n')
    expect(mistyped.out).toContain('\n  absent   public.orders.nmae: no such column in the schema')
    expect(mistyped.out.match(/absent/g)).toHaveLength(2)
  })

  test('takes who asks, for whom, and in what circumstances', async () => {
    const explain = (...more: readonly string[]) =>
      world.run(['policy', 'explain', '-c', config, '--target', 'app', ...more])
    const select = ['--sql', 'select ssn from customers']
    expect((await explain('--as', 'a@https://idp.example.com', '--group', 'ai-agents', ...select)).exit).toBe(0)
    // An agent gets what both of them may do.
    expect((await explain('--as', 'ann', '--group', 'ai-agents', '--actor', 'bot', ...select)).exit).toBe(1)
    const both = await explain(
      ...['--as', 'ann', '--group', 'ai-agents', '--actor', 'bot', '--actor-group', 'ai-agents', ...select],
    )
    expect(both.exit).toBe(0)
    const update = ['--as', 'ann', '--group', 'ai-agents', '--sql', "update orders set status = 'x' where id = 1"]
    expect((await explain(...update)).exit).toBe(0)
    expect((await explain(...update, '--fail-on', 'approve')).exit).toBe(1)
    const held = await explain(...update, '--in-transaction')
    expect(held).toMatchObject({ exit: 1, out: expect.stringMatching(/^deny \(APPROVAL_INSIDE_TRANSACTION\)/) })
    const inTransaction = ['begin', 'savepoint s', 'rollback work to s'].flatMap(text => ['--pre', text])
    expect((await explain(...inTransaction, ...update)).out).toBe(held.out)
    for (const wrong of [
      ['--at', '2027-03-01'],
      ['--claim', 'none'],
      ['--actor-group', 'x'],
    ])
      expect((await explain(...select, ...wrong)).exit, wrong.join(' ')).toBe(2)
  })
})

describe('policy explain --batch', () => {
  test('answers line by line, in order, and goes on behind a bad one', async () => {
    const { exit, answers } = await batch([
      { id: 1, sql: 'select name, ssn from customers', source: 'kept out' },
      'no json',
      { id: 'two' },
      { id: 3, sql: "update orders set status = 'x'" },
      { id: 4, sql: "update orders set status = 'x' where id = 1" },
    ])
    expect(exit).toBe(2)
    expect(answers.map(({ id, outcome }) => [id, outcome])).toEqual([
      [1, 'allow'],
      [null, 'error'],
      ['two', 'error'],
      [3, 'deny'],
      [4, 'approve'],
    ])
    expect(answers[0]).toEqual({
      id: 1,
      outcome: 'allow',
      rules: ['read'],
      effects: ['read'],
      relations: [{ name: 'public.customers', access: ['select'], columns: ['name', 'ssn'] }],
      functions: [],
      unbounded: false,
      statements: 1,
      masked: ['public.customers.ssn'],
    })
    expect(answers[3]).toMatchObject({ rules: ['no-unbounded'], unbounded: true, code: 'DENIED_BY_RULE' })
  })

  test('ends with 1 only where it is told to', async () => {
    const lines = [{ id: 1, sql: "update orders set status = 'x' where id = 1" }]
    expect((await batch(lines)).exit).toBe(0)
    expect((await batch(lines, ['--fail-on', 'deny'])).exit).toBe(0)
    expect((await batch(lines, ['--fail-on', 'approve'])).exit).toBe(1)
  })

  test('P4: what a session was told before is known, and taken as done', async () => {
    const { answers } = await batch([
      {
        id: 'execute',
        pre: ['prepare p as select 1', 'deallocate p', 'prepare p as delete from orders'],
        sql: 'execute p',
      },
      { id: 'gone', pre: ['prepare p as select 1', 'deallocate all'], sql: 'execute p' },
      { id: 'fetch', pre: ['begin', 'declare c cursor for select ssn from customers'], sql: 'fetch 1 from c' },
      { id: 'over', pre: ['begin', 'declare c cursor for select 1', 'commit'], sql: 'fetch 1 from c' },
      { id: 'computed', pre: 'prepare p (int) as select $1', sql: 'execute p (pg_backend_pid())' },
      { id: 'folded', pre: 'prepare "P" as delete from orders', sql: 'execute p' },
      { id: 'list', sql: ['prepare p as select 1', 'execute p'] },
    ])
    expect(answers.map(({ id, outcome, effects, code }) => [id, outcome, effects, code])).toEqual([
      ['execute', 'deny', ['write'], 'DENIED_BY_RULE'],
      ['gone', 'deny', ['unknown'], 'NOT_UNDERSTOOD'],
      ['fetch', 'allow', ['read', 'session'], undefined],
      ['over', 'deny', ['unknown'], 'NOT_UNDERSTOOD'],
      ['computed', 'deny', ['read'], 'UNSUPPORTED'],
      ['folded', 'deny', ['unknown'], 'NOT_UNDERSTOOD'],
      ['list', 'allow', ['read', 'session'], undefined],
    ])
  })

  test('N1: what comes after a change of schema or search path is not known for sure', async () => {
    const { answers } = await batch([
      { id: 'path', pre: 'set search_path = scratch, public', sql: 'select id from orders' },
      {
        id: 'rule',
        pre: 'create rule r as on update to notes do also delete from orders',
        sql: "update notes set body = '' where id = 1",
      },
      { id: 'do', pre: 'do $$ begin end $$', sql: 'select 1' },
      { id: 'table', pre: 'create table made (id int)', sql: 'select * from made' },
      { id: 'emptied', pre: "select set_config('search_path', '', false)", sql: 'select id from orders' },
      { id: 'inert', pre: "set statement_timeout = '1s'", sql: 'select id from orders' },
    ])
    for (const { id, outcome, effects } of answers)
      expect([id, outcome, (effects as readonly string[]).includes('unknown')]).toEqual([
        id,
        id === 'inert' ? 'allow' : 'deny',
        id !== 'inert',
      ])
  })

  test('P1: a text that the gateway refuses for its form is denied', async () => {
    const { answers } = await batch([
      { id: 'commit', sql: 'select 1; commit' },
      { id: 'parse', sql: 'select from where' },
      { id: 'nothing', sql: ' -- ' },
      { id: 'listen', sql: 'listen somebody' },
    ])
    expect(answers.map(({ id, outcome, statements }) => [id, outcome, statements])).toEqual([
      ['commit', 'deny', 2],
      ['parse', 'deny', 0],
      ['nothing', 'allow', 0],
      ['listen', 'deny', 1],
    ])
  })

  test('lists the tables behind a view', async () => {
    const { answers } = await batch([{ id: 1, sql: 'select body from order_names' }])
    const names = (answers[0]!['relations'] as readonly { readonly name: string }[]).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['public.order_names', 'public.orders', 'public.notes']))
  })

  test('reads standard input, and answers what has come before the rest does', async () => {
    const started = world.start(['policy', 'explain', '-c', config, ...AGENT, '--batch', '-'])
    started.child.stdin?.write('{"id":1,"sql":"select 1"}\n')
    await started.prints(/"id":1,"outcome":"allow"/)
    started.child.stdin?.end('{"id":2,"sql":"drop table orders"}')
    const { exit, out } = await started.ended
    expect(exit).toBe(0)
    expect(out.trimEnd().split('\n')).toHaveLength(2)
  })
})

describe('policy catalog', () => {
  test('saves what explain needs where there is no database', async () => {
    const saved = await world.run(['policy', 'catalog', '-c', config, '--target', 'app'])
    expect(saved.exit).toBe(0)
    await writeFile(join(world.dir, 'app.catalog.json'), saved.out)
    const sql = ['--sql', 'select body, ssn from order_names, customers', '--json']
    const live = await world.run(['policy', 'explain', '-c', config, ...AGENT, ...sql])
    const apart = ['--policy', 'policy.yaml', '--catalog', 'app.catalog.json']
    expect(await world.run(['policy', 'explain', ...apart, ...AGENT, ...sql])).toEqual(live)
    await writeFile(join(world.dir, 'other.json'), '{}')
    for (const catalog of ['policy.yaml', 'other.json', 'none.json'])
      expect(
        (await world.run(['policy', 'explain', '--policy', 'policy.yaml', '--catalog', catalog, ...AGENT, ...sql]))
          .exit,
      ).toBe(2)
  })
})

test('a target that the configuration does not have is told where there is one', async () => {
  const text = (await readFile(join(world.dir, 'policy.yaml'), 'utf8')).replace(
    'rules:\n',
    'rules:\n  - { id: elsewhere, decision: deny, on: { targets: [ap] }, what: { tags: [DROP TABLE] } }\n',
  )
  await writeFile(join(world.dir, 'elsewhere.yaml'), text)
  const { exit, out } = await world.run(['policy', 'check', 'elsewhere.yaml', '-c', config])
  expect(exit).toBe(0)
  expect(out).toMatch(
    /: warning: rules\[0\]\.on\.targets\[0\]: ap matches no target of the configuration, did you mean app\?\n/,
  )
})

describe('policy test', () => {
  const testing = async (cases: string, ...more: readonly string[]) => {
    await writeFile(
      join(world.dir, 'policy.test.yaml'),
      `version: 1\ntarget: app\nas: { groups: [ai-agents] }\ncases:\n${cases}`,
    )
    return world.run(['policy', 'test', '-c', config, ...more])
  }

  test('says what was expected, what came, where and why', async () => {
    const { exit, out } = await testing(
      `  - { name: reads, statement: select ssn from customers, expect: allow, rules: [read], masked: [public.customers.ssn] }
  - { name: wrong, statement: drop table orders, expect: approve, rules: [read], masked: [], code: CANNOT_MASK }\n`,
    )
    expect(exit).toBe(1)
    expect(out).toContain('  ok    reads\n')
    expect(out).toContain(
      '  FAIL  wrong\n        policy.test.yaml:6:5\n        expected approve, came deny\n        expected rules read, came no-ddl\n        expected code CANNOT_MASK, came DENIED_BY_RULE\n',
    )
    expect(out).toContain('        |   drop table orders\n        |   ^^^^^^^^^^^^^^^^^\n')
    expect(out).toMatch(/failed: 1 of 2 cases\n$/)
  })

  test('coverage short of what is asked is a finding, and data too', async () => {
    const one = '  - { name: reads, statement: select 1, expect: allow }\n'
    expect((await testing(one)).exit).toBe(0)
    const { exit, out } = await testing(one, '--min-coverage', '50', '--json')
    expect(exit).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      passed: 1,
      failed: 0,
      policies: [{ coverage: { rules: 6, masks: 2, percent: 12 } }],
    })
  })

  test('a mistake in the file is bad usage, with its place', async () => {
    const { exit, err } = await testing('  - { name: a, statement: select 1, expects: allow }\n')
    expect(exit).toBe(2)
    expect(err).toMatch(/policy\.test\.yaml:5:37: cases\[0\]\.expects: unknown key, did you mean expect\?/)
    const at = await testing('  - { name: a, statement: select 1, expect: allow, at: today }\n')
    expect(at.err).toContain('cases[0].at: expected a time with its zone')
  })
})

describe('policy diff', () => {
  test('tells looser from stricter, groups, counts, and ends with 1 for the former', async () => {
    const policy = await readFile(join(world.dir, 'policy.yaml'), 'utf8')
    await writeFile(
      join(world.dir, 'looser.yaml'),
      policy.replace('unbounded: true', 'unbounded: true, access: [truncate]').replace('with: redact', 'with: email'),
    )
    await writeFile(
      join(world.dir, 'sent.sql'),
      "select ssn from customers; update notes set body = ''; prepare p as update notes set body = ''; execute p; select 1",
    )
    const diff = (a: string, b: string, ...more: readonly string[]) =>
      world.run(['policy', 'diff', a, b, '-c', config, ...AGENT, '--corpus', 'sent.sql', ...more])
    const loosened = await diff('policy.yaml', 'looser.yaml')
    expect(loosened.exit).toBe(1)
    expect(loosened.out).toContain('looser   2 × deny by no-unbounded -> allow by notes\n')
    expect(loosened.out).toContain('- public.customers.ssn (redact)\n         + public.customers.ssn (email)')
    expect(loosened.out).toMatch(/4 of 5 statements change, some of them to looser\n$/)
    const tightened = await diff('looser.yaml', 'policy.yaml', '--json')
    expect(JSON.parse(tightened.out)).toMatchObject({ same: 1, leftOut: {} })
    const same = await diff('policy.yaml', 'policy.yaml', '--fail-on', 'any')
    expect(same).toMatchObject({ exit: 0, out: '0 of 5 statements change\n' })
    expect((await world.run(['policy', 'diff', 'policy.yaml', 'looser.yaml', '-c', config, ...AGENT])).exit).toBe(2)
  })

  test('P12: other approvers, and detectors that are gone, let through what they did not', async () => {
    const policy = `${await readFile(join(world.dir, 'policy.yaml'), 'utf8')}  - { detect: [email], with: redact }\n`
    await writeFile(join(world.dir, 'strict.yaml'), policy)
    await writeFile(join(world.dir, 'interns.yaml'), policy.replace('groups: [dba]', 'groups: [dba, interns]'))
    await writeFile(join(world.dir, 'unseen.yaml'), policy.replace('detect: [email]', 'detect: [iban]'))
    await writeFile(join(world.dir, 'asked.sql'), "update orders set status = 'x' where id = 1; select body from notes")
    const diff = (b: string) =>
      world.run(['policy', 'diff', 'strict.yaml', b, '-c', config, ...AGENT, '--corpus', 'asked.sql'])
    const interns = await diff('interns.yaml')
    expect(interns.out).toContain('- asks 1 of dba\n         + asks 1 of dba or interns')
    const unseen = await diff('unseen.yaml')
    expect(unseen.out).toContain('- any email (redact)')
    expect([interns.exit, unseen.exit]).toEqual([1, 1])
  })

  test('over recorded sessions, by who sent what; what was kept without its literals is left out and counted', async () => {
    const gateway = await world.up(config)
    const agent = await gateway.logIn()
    await agent.query("select name from customers where name = 'x'")
    await agent.query("select 'secret' as password")
    await agent.query('delete from notes').catch(() => undefined)
    await agent.end()
    await gateway.end('SIGTERM')
    const policy = await readFile(join(world.dir, 'policy.yaml'), 'utf8')
    await writeFile(
      join(world.dir, 'bold.yaml'),
      policy.replace('unbounded: true', 'unbounded: true, access: [truncate]'),
    )
    const { exit, out, err } = await world.run([
      ...['policy', 'diff', 'policy.yaml', 'bold.yaml', '-c', config, '--target', 'app'],
      ...['--recordings', 'recordings', '--json'],
    ])
    expect(err).toBe('')
    expect(exit).toBe(1)
    const found = JSON.parse(out) as { readonly same: number; readonly leftOut: Readonly<Record<string, number>> }
    expect(found).toMatchObject({
      changes: [
        {
          change: 'looser',
          old: { outcome: 'deny', rules: ['no-unbounded'] },
          new: { outcome: 'allow', rules: ['notes'] },
          count: 1,
          examples: [{ sql: 'delete from notes' }],
        },
      ],
    })
    expect(found.same).toBeGreaterThan(0)
    // PCI 10.2.1.3: that they were read is noted down; a part of them can be asked for.
    const part = ['--who', 'nobody', '--since', '2020-01-01']
    const none = await world.run([
      ...['policy', 'diff', 'policy.yaml', 'bold.yaml', '-c', config, '--target', 'app'],
      ...['--recordings', 'recordings', '--json', ...part],
    ])
    expect([none.exit, JSON.parse(none.out)]).toMatchObject([0, { same: 0, changes: [] }])
    const accesses = await world.run(['sessions', 'accesses', '--json'])
    expect(JSON.parse(accesses.out)).toMatchObject([
      { action: 'diff', recording: null, detail: 'target app' },
      { action: 'diff', detail: expect.stringMatching(/since 2020.* who nobody/) },
    ])
  })
})
