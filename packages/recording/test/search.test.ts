import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import {
  ANY_RECORDING,
  fileRecorder,
  listRecordings,
  type RecordingQuery,
  rebuildIndex,
  type SearchResult,
  searchRecordings,
  verifyDirectory,
} from '../src/index.ts'
import { matcher } from '../src/search/pattern.ts'
import { change, done, intent, KEK, opening, optionsFor, refused, temporaryDir } from './fixtures.ts'

const person = (subject: string) => ({ issuer: 'https://idp.example.com', subject, groups: [] })

/** Three sessions: devin's agent on app, dana on app, eve on crm. */
async function library(): Promise<string> {
  const dir = await temporaryDir()
  const recorder = await fileRecorder(optionsFor(dir, { parameters: 'encrypted' }))
  const record = async (subject: string, target: string, entries: readonly Entry[]): Promise<void> => {
    const { principal } = opening()
    const actor = subject === 'devin' ? person('agent-1') : null
    const session = await recorder.record(
      opening({
        session: `s-${subject}`,
        principal: { ...principal, subject, actor },
        target: { name: target, dialect: 'postgres' },
      }),
    )
    for (const entry of entries) await session.append(entry)
    await session.close('client-left')
  }
  await record('devin', 'app', [
    intent(1, "select * from public.orders where note = 'literal-canary'"),
    done(1),
    refused(2, 'drop table public.orders'),
    intent(3, 'select 1', { relations: [] }),
  ])
  await record('dana', 'app', [
    {
      kind: 'approval-answered',
      statement: 1,
      request: 'r',
      answer: 'granted',
      by: [person('boss')],
      reason: '',
    },
    change(1, 'update crm.customers set a = $1', {
      relations: ['crm.customers'],
      params: [{ typeOid: 25, format: 'text', value: 'param-canary' }],
    }),
    { kind: 'completion', statement: 1, completion: { kind: 'failed', sqlstate: '23505', rows: 0, bytes: 0, ms: 1 } },
  ])
  await record('eve', 'crm', [intent(1, 'select 2', { relations: [] }), done(1)])
  await recorder.close()
  return dir
}

const search = (dir: string, query: Partial<RecordingQuery>, more: { values?: boolean; limit?: number } = {}) =>
  searchRecordings(dir, { ...ANY_RECORDING, ...query }, { kek: KEK, randomBytes, values: false, limit: 100, ...more })

const who = ({ found }: SearchResult): readonly string[] => found.map(({ session }) => session.session)
const indexFiles = async (dir: string): Promise<readonly string[]> =>
  (await readdir(join(dir, '.index'))).map(name => join(dir, '.index', name))

describe('searching', () => {
  test.each<[Partial<RecordingQuery>, readonly string[]]>([
    [{}, ['s-devin', 's-dana', 's-eve']],
    [{ who: 'devin' }, ['s-devin']],
    [{ who: 'AGENT-*' }, ['s-devin']],
    [{ who: 'd*@https://idp.example.com' }, ['s-devin', 's-dana']],
    [{ who: 'dev' }, []],
    [{ target: 'crm' }, ['s-eve']],
    [{ relation: 'customers' }, ['s-dana']],
    [{ relation: 'public.*' }, ['s-devin']],
    [{ effect: 'write' }, ['s-dana']],
    [{ outcome: 'refused' }, ['s-devin']],
    [{ outcome: 'denied_by_rule' }, ['s-devin']],
    [{ outcome: '23505' }, ['s-dana']],
    [{ outcome: 'unfinished' }, ['s-devin']],
    [{ approvedBy: 'boss' }, ['s-dana']],
    [{ text: 'FROM PUBLIC.orders' }, ['s-devin']],
    [{ text: 'literal-canary' }, []],
    // One statement must be all of it: devin read orders, and was refused a drop of it.
    [{ relation: 'orders', effect: 'read', outcome: 'refused' }, []],
    [{ relation: 'orders', effect: 'ddl', outcome: 'refused' }, ['s-devin']],
    [{ since: Date.UTC(2100, 0) }, []],
    [{ until: Date.UTC(2100, 0), since: Date.UTC(2020, 0) }, ['s-devin', 's-dana', 's-eve']],
    [{ until: Date.UTC(2020, 0) }, []],
  ])('finds %j, read and from the index alike', async (query, expected) => {
    const dir = await library()
    const [fresh, again] = [await search(dir, query), await search(dir, query)]
    expect(who(fresh)).toEqual(expected)
    expect(fresh).toMatchObject({ indexed: 0, read: 3, unread: [] })
    expect({ ...again, indexed: 0, read: 3 }).toEqual(fresh)
    expect(again).toMatchObject({ indexed: 3, read: 0 })
  })

  test('tells what matched, and gives the newest where there are more than asked for', async () => {
    const dir = await library()
    const { found } = await search(dir, { effect: 'read' })
    expect(found.map(({ matches }) => matches)).toEqual([2, 1, 1])
    expect(found[1]?.statements).toMatchObject([
      { statement: 1, sql: 'update crm.customers set a = $1', outcome: 'failed', code: '23505' },
    ])
    expect(who(await search(dir, {}, { limit: 2 }))).toEqual(['s-dana', 's-eve'])
  })

  test('looks into literals and parameters where it is told to', async () => {
    const dir = await library()
    for (let times = 0; times < 2; times++) {
      expect(who(await search(dir, { text: 'LITERAL-canary' }, { values: true }))).toEqual(['s-devin'])
      expect(who(await search(dir, { text: 'param-canary' }, { values: true }))).toEqual(['s-dana'])
    }
  })
})

describe('R4: the index', () => {
  test('holds nothing that can be read without the key, and no value with it', async () => {
    const dir = await library()
    await search(dir, { text: 'literal-canary' }, { values: true })
    for (const file of await indexFiles(dir)) {
      const bytes = (await readFile(file)).toString('latin1')
      for (const word of ['canary', 'orders', 'devin', 'select']) expect(bytes).not.toContain(word)
    }
    expect(who(await search(dir, { text: 'canary' }))).toEqual([])
  })

  test.each([
    ['emptied', () => Buffer.alloc(0)],
    ['of other bytes', () => Buffer.from('DBIDX1\0\0\u00ff\u00ff\u00ff\u00ff', 'latin1')],
    [
      'with a byte flipped in it',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -9), Buffer.from([bytes.at(-9)! ^ 1]), bytes.subarray(-8)]),
    ],
    [
      'with a byte flipped in its header',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 20), Buffer.from([bytes.at(20)! ^ 1]), bytes.subarray(21)]),
    ],
  ])('%s is made anew', async (_what, damaged) => {
    const dir = await library()
    const first = await search(dir, { effect: 'write' })
    for (const file of await indexFiles(dir)) await writeFile(file, damaged(await readFile(file)))
    expect(await search(dir, { effect: 'write' })).toEqual(first)
    expect(await search(dir, { effect: 'write' })).toMatchObject({ indexed: 3, read: 0 })
  })

  test('of another boot is not taken for this one’s', async () => {
    const [dir, other] = [await library(), await library()]
    await search(dir, {})
    await search(other, {})
    const [mine = ''] = await indexFiles(dir)
    const [theirs = ''] = await indexFiles(other)
    await writeFile(mine, await readFile(theirs))
    expect(await search(dir, {})).toMatchObject({ indexed: 0, read: 3 })
  })

  test('is not asked about a recording that has grown or changed since', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir))
    const session = await recorder.record(opening())
    await session.append(change(1, 'update a set b = 1'))
    expect(await search(dir, { effect: 'write' })).toMatchObject({ found: [{ matches: 1 }], read: 1 })
    await session.append(change(2, 'update a set b = 2'))
    expect(await search(dir, { effect: 'write' })).toMatchObject({ found: [{ matches: 2 }], read: 1 })
    await session.close('client-left')
    await recorder.close()
  })

  test('is no part of what is verified, and can be thrown away', async () => {
    const dir = await library()
    const before = await verifyDirectory(dir, { keys: null })
    await search(dir, {})
    expect(await verifyDirectory(dir, { keys: null })).toEqual(before)
    for (const file of await indexFiles(dir)) await writeFile(file, 'forged')
    expect(await verifyDirectory(dir, { keys: null })).toEqual(before)
    await rm(join(dir, '.index'), { recursive: true })
    expect(await rebuildIndex(dir, { kek: KEK, randomBytes })).toMatchObject({ read: 3, unread: [] })
    expect(await search(dir, {})).toMatchObject({ indexed: 3, read: 0 })
  })

  test('that can not be kept costs time, and nothing else', async () => {
    const dir = await library()
    await writeFile(join(dir, '.index'), 'a file where the folder should be')
    expect(who(await search(dir, { effect: 'write' }))).toEqual(['s-dana'])
    expect(await search(dir, { effect: 'write' })).toMatchObject({ indexed: 0, read: 3 })
  })
})

test('a recording that can not be read is told, and the others are searched', async () => {
  const dir = await library()
  const [first] = await listRecordings(dir)
  const bytes = await readFile(first!.file!)
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(first!.file!, bytes)
  const result = await search(dir, { effect: 'read' })
  expect(who(result)).toEqual(['s-dana', 's-eve'])
  expect(result.unread).toMatchObject([{ recording: first!.recording }])
  await mkdir(join(dir, 'empty'))
  expect(who(await search(dir, { effect: 'read' }))).toEqual(['s-dana', 's-eve'])
})

test.each([
  ['a*b', 'aXXb', true],
  ['a*b', 'ab', true],
  ['a*a', 'a', false],
  ['*ab*', 'xabx', true],
  ['a*b*c', 'acb', false],
  ['a*bc*c', 'abc', false],
  ['*', '', true],
  ['', '', true],
  ['A', 'a', true],
])('the pattern %j and %j', (pattern, text, expected) => {
  expect(matcher(pattern)(text)).toBe(expected)
})
