import { COPY_DONE, encodeCopyData, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

let governed: Governed
let client: RawClient

const MORE = `
create table ran (id int);
create function evil(int) returns boolean language plpgsql as $$ begin insert into ran values ($1); return true; end $$;
create domain sneaky as int check (evil(value));
create view noted as select id, body from notes union all select 0, 'none';
insert into notes values (1, 'mail ada@example.com');
`

beforeAll(async () => {
  governed = await govern({
    schema: SCHEMA + MORE,
    policy: `${POLICY}  - { detect: [email], with: redact }\n`.replace(
      '["public.notes"]',
      '["public.notes", "public.noted", "public.ran"]',
    ),
  })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterAll(() => governed.stop())

/** The session is in order: a plain statement gets its plain answer. */
const lives = async (): Promise<void> => {
  expect((await client.query('select 7 as seven')).join('\n')).toContain('7')
}

test('O1, T5: a query of thousands of statements is refused at once, and holds up nobody', async () => {
  const other = await governed.client()
  const asked = client.query(Array.from({ length: 30_000 }, (_, i) => `select ${i}`).join(';'))
  const answered = other.query('select 1 as one')
  // On a crowded machine it may take too long to count them.
  expect((await asked).join('\n')).toMatch(/E ERROR (54000|42601 .*(more than 1000 statements|reading it took longer))/)
  expect((await answered).rows).toEqual([{ one: 1 }])
  await lives()
})

test('P11: a parameter of a type whose input runs code is refused, and the code does not run', async () => {
  const [{ oid } = { oid: 0 }] = await governed.database.exec("select oid::int from pg_type where typname = 'sneaky'")
  client.send(parse('', 'select $1', [Number(oid)]), bind('', '', ['42']), SYNC)
  expect((await client.until('Z')).join('\n')).toContain('0A000')
  client.send(parse('', 'select $1', [Number(oid)]), bind('', '', ['43']), execute(), SYNC)
  expect((await client.until('Z')).join('\n')).toContain('0A000')
  expect(await governed.database.exec('select * from ran')).toEqual([])
  await lives()
})

test('P9: a COPY that fails before it asks for data is answered, and the session lives', async () => {
  await governed.database.exec('revoke insert on ran from svc_app')
  expect((await client.query('copy ran from stdin')).join('\n')).toContain('42501')
  await lives()
})

test('P9: a COPY that fails as it asks for data is answered, and the session lives', async () => {
  await governed.database.exec(
    "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$; create trigger t before insert on ran for each statement execute function refuse(); grant insert on ran to svc_app",
  )
  await governed.gateway.refreshSchemas()
  const answer = client.query('copy ran from stdin')
  client.send(encodeCopyData({ data: Buffer.from('1\n') }), COPY_DONE)
  expect((await answer).join('\n')).toContain('P0001')
  await lives()
})

test('6.4: an error tells nothing of a value that a detector would have hidden', async () => {
  const shown = (await client.query('select body::int from notes')).join('\n')
  expect(shown).toContain('22P02')
  for (const secret of SECRETS) expect(shown).not.toContain(secret)
  client.send(parse('', 'select body::int from notes where id = $1'), bind('', '', ['1']), execute(), SYNC)
  const prepared = (await client.until('Z')).join('\n')
  expect(prepared).toContain('22P02')
  for (const secret of SECRETS) expect(prepared).not.toContain(secret)
})

test('O2: portals hold no more than a session may', async () => {
  const big = 'x'.repeat(8 * 1_048_576)
  await client.query('begin')
  const answers: string[] = []
  for (let i = 0; i < 6; i++) {
    client.send(parse(`s${i}`, 'select $1'), bind(`p${i}`, `s${i}`, [big]), SYNC)
    answers.push((await client.until('Z')).join('\n'))
  }
  expect(answers.at(-1)).toMatch(/54000|25P02/)
  expect(answers.join('\n')).toContain('54000')
  await client.query('rollback')
  await lives()
})
