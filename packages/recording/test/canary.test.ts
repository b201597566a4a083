import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { destroyValues, fileRecorder, listRecordings, readRecording } from '../src/index.ts'
import { intent, KEK, opening, optionsFor, recordSample, refused, temporaryDir } from './fixtures.ts'

async function allBytes(dir: string): Promise<string> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = names.filter(entry => entry.isFile())
  const texts = await Promise.all(files.map(entry => readFile(join(entry.parentPath, entry.name), 'latin1')))
  return texts.join('\n')
}

async function decrypted(file: string): Promise<string> {
  const events: unknown[] = []
  for await (const event of readRecording(file, { kek: KEK })) events.push(event)
  return JSON.stringify(events, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  )
}

async function record(entries: readonly Entry[], dialect: 'postgres' | 'mysql' = 'postgres') {
  const dir = await temporaryDir()
  const recorder = await fileRecorder(optionsFor(dir, { parameters: 'encrypted' }))
  const session = await recorder.record(opening({ target: { name: 'app', dialect } }))
  for (const entry of entries) await session.append(entry)
  await session.close('client-left')
  await recorder.close()
  return { dir, file: (await listRecordings(dir))[0]?.file ?? '' }
}

/** Secrets in SQL: none may be in a recording, not even in its encrypted part. */
const SECRETS: readonly string[] = [
  "ALTER ROLE bob PASSWORD 'hunter2canary'",
  "alter user bob with encrypted password E'hunter2canary'",
  'ALTER ROLE bob PASSWORD hunter2canary',
  "create role bob login password $x$hunter2canary$x$ valid until 'infinity'",
  "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'x', password 'hunter2canary')",
  "alter server s options (set dbname 'hunter2canary')",
  "CREATE SUBSCRIPTION s CONNECTION 'host=h dbname=hunter2canary' PUBLICATION p",
  "select * from dblink('host=h dbname=hunter2canary', 'select 1') as t(a int)",
  "select dblink_connect('hunter2canary')",
  "select pgp_sym_encrypt(note, 'hunter2canary') from t",
  "select pgp_sym_decrypt(note, U&'hunter2canary') from t",
  "select crypt('hunter2canary', gen_salt('bf'))",
  "SET app.api_key = 'hunter2canary'",
  'set app.secret_thing to hunter2canary',
  'set app.secret_thing to "hunter2canary", other',
  "select set_config('app.x', 'hunter2canary', false)",
  "alter database d set app.jwt_secret = 'hunter2canary'",
  "do $$ begin execute 'alter role bob password ''hunter2canary'''; end $$",
  "select 'postgres://bob:hunter2canary@db/app'",
  "update users set password_hash = md5('hunter2canary') where id = 1",
  "insert into api_tokens values ('hunter2canary')",
  'select 1 -- the password is hunter2canary',
  'select 1 /* secret: hunter2canary */ from t',
  "ALTER ROLE bob PASSWORD 'hunter2canary",
  'copy t from program \'curl -H "Authorization: token hunter2canary"\'',
]

describe('the recording holds no secret', () => {
  test.each(SECRETS)('as a cleared statement: %s', async text => {
    const { dir, file } = await record([
      intent(1, text, { params: [{ typeOid: 25, format: 'text', value: 'hunter2canary' }] }),
      {
        kind: 'approval-requested',
        statement: 1,
        request: 'r',
        terms: { rules: [], approverGroups: [], quorum: 1, expiresMs: 1, mode: 'hold' },
        canonical: text,
      },
    ])
    expect(await allBytes(dir)).not.toContain('hunter2canary')
    expect(await decrypted(file)).not.toContain('hunter2canary')
  })

  test.each(SECRETS)('as a refused statement: %s', async text => {
    const wrong = refused(1, text)
    const opaque = refused(2, text, {
      refusal: {
        ...wrong.refusal,
        code: 'NOT_UNDERSTOOD',
        rule: null,
        message: 'syntax error at or near "hunter2canary"',
      },
    })
    const { dir, file } = await record([wrong, opaque])
    expect(await allBytes(dir)).not.toContain('hunter2canary')
    expect(await decrypted(file)).not.toContain('hunter2canary')
  })

  test('when only the tag or a function tells', async () => {
    const { file } = await record([
      intent(1, "x 'hunter2canary'", { tag: 'CREATE ROLE' }),
      intent(2, "select f('hunter2canary')", { functions: ['ext.pgp_sym_encrypt'] }),
    ])
    expect(await decrypted(file)).not.toContain('hunter2canary')
  })

  test('when only the text as received has it, and the canonical spelling has lost it', async () => {
    const { file } = await record([intent(1, 'select 1 -- password hunter2canary', { canonical: 'SELECT 1' })])
    expect(await decrypted(file)).not.toContain('hunter2canary')
  })

  test('in MySQL’s spellings', async () => {
    const { file } = await record(
      [
        intent(1, 'create user bob identified by "hunter2canary"'),
        intent(2, "set password for bob = 'hunter2canary'"),
        refused(3, "alter user bob identified with x as 'it\\'s hunter2canary'"),
      ],
      'mysql',
    )
    expect(await decrypted(file)).not.toContain('hunter2canary')
  })

  test('a pasted password that is no SQL at all leaves nothing in META', async () => {
    const text = 'hunter2canary'
    const wrong = refused(1, text)
    const { file } = await record([{ ...wrong, refusal: { ...wrong.refusal, code: 'NOT_UNDERSTOOD' } }])
    await destroyValues(file)
    expect(await decrypted(file)).not.toContain('hunter2canary')
  })
})

/** A row with one cell. */
const row = (text: string): Buffer => {
  const head = Buffer.alloc(11)
  head.write('D')
  head.writeInt32BE(10 + text.length, 1)
  head.writeInt16BE(1, 5)
  head.writeInt32BE(text.length, 7)
  return Buffer.concat([head, Buffer.from(text)])
}
const rows = (statement: number): Entry => ({
  kind: 'rows',
  statement,
  first: 0,
  rows: 1,
  columns: null,
  frames: row('hunter2canary'),
})
const finished = (statement: number): Entry => ({
  kind: 'completion',
  statement,
  completion: { kind: 'done', tag: 'SELECT 1', rows: 1, bytes: 1, ms: 1 },
})

describe('R4: rows that may give a secret of their statement back', () => {
  test.each<[string, readonly Entry[]]>([
    ['at once', [intent(1, "select 'hunter2canary' as password"), rows(1), finished(1)]],
    ['piece by piece', [intent(1, "select 'hunter2canary' as password"), finished(1), rows(1), finished(1)]],
    [
      'through a cursor',
      [
        intent(1, "declare c cursor for select 'hunter2canary' as secret", { tag: 'DECLARE CURSOR' }),
        finished(1),
        intent(2, 'fetch all from c', { tag: 'FETCH' }),
        rows(2),
        finished(2),
      ],
    ],
  ])('%s: a digest of them is kept', async (_how, entries) => {
    const { dir, file } = await record(entries)
    expect(await allBytes(dir)).not.toContain('hunter2canary')
    const account = await decrypted(file)
    expect(account).not.toContain('hunter2canary')
    expect(account).toContain('"kept":"secret"')
  })

  test('others are kept', async () => {
    const { file } = await record([intent(1, 'select a from t'), rows(1), finished(1)])
    expect(await decrypted(file)).toContain('hunter2canary')
  })
})

describe('literals and parameters', () => {
  const CANARIES = /literal-canary|param-canary|77120/

  test('are nowhere in clear', async () => {
    const dir = await temporaryDir()
    await recordSample(dir, { parameters: 'encrypted' })
    const bytes = await allBytes(dir)
    expect(bytes).not.toMatch(CANARIES)
    expect(bytes).not.toContain('free text')
    expect(bytes).not.toContain(Buffer.from(KEK).toString('latin1'))
  })

  test('are not in META: once the VALUE key is destroyed nothing has them', async () => {
    const dir = await temporaryDir()
    const { file } = await recordSample(dir, { parameters: 'encrypted' })
    expect(await decrypted(file)).toMatch(CANARIES)
    await destroyValues(file)
    expect(await decrypted(file)).not.toMatch(CANARIES)
  })

  test('digests differ from one recording to the next, and equal values agree within one', async () => {
    const same = { typeOid: 25, format: 'text', value: 'same' } as const
    const hmacs = async (): Promise<readonly string[]> => {
      const { file } = await record([intent(1, 'select $1, $2', { params: [same, same] })])
      const found: string[] = []
      for await (const event of readRecording(file, { kek: KEK })) {
        if (event.kind === 'intent') found.push(...event.params.map(param => param.hmac ?? ''))
      }
      return found
    }
    const [a, b] = [await hmacs(), await hmacs()]
    expect(a[0]).toBe(a[1])
    expect(a[0]).not.toBe(b[0])
  })
})
