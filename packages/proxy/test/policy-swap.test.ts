import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

const NO_MASKS = `${POLICY.split('masks:')[0]}`
const DENY = NO_MASKS.replace(
  'rules:',
  'rules:\n  - { id: no-customers, decision: deny, what: { relations: ["public.customers"] } }',
)
const DETECT = `${NO_MASKS}masks:\n  - { detect: [email], with: redact }\n`
const LIMIT = `${NO_MASKS}limits:\n  - { who: { groups: [ai-agents] }, rows: 1 }\n`
const APPROVE = NO_MASKS.replace(
  '{ id: read, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read, transaction, session] } }',
  '{ id: read, decision: allow, who: { groups: [ai-agents] }, what: { effects: [transaction, session] } }\n  - { id: readap, decision: approve, who: { groups: [ai-agents] }, what: { effects: [read] }, approval: { approvers: { groups: [dba] }, quorum: 1, expires: 10m, mode: hold } }',
)

let governed: Governed
beforeAll(async () => {
  governed = await govern({ schema: SCHEMA, policy: NO_MASKS })
})
afterAll(() => governed.stop())

async function swap(policy: string): Promise<void> {
  await writeFile(join(governed.dir, 'policy.yaml'), policy)
  expect(await governed.gateway.reload(() => governed.config)).not.toBeNull()
}
async function begin(): Promise<RawClient> {
  await swap(NO_MASKS)
  const client = await rawLogin(governed.gateway.postgres, await governed.token())
  expect(await client.query('begin')).toContain('C BEGIN')
  return client
}
async function send(client: RawClient, ...messages: readonly Uint8Array[]): Promise<string[]> {
  client.send(...messages, SYNC)
  return client.until('Z')
}
const noSecret = (lines: readonly string[]): void => {
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
}

describe.each([
  ['deny', DENY],
  ['mask', POLICY],
  ['detect', DETECT],
  ['limit', LIMIT],
  ['approve', APPROVE],
])('P5, N4: a policy that comes to %s, while a transaction is open', (_, policy) => {
  test('rules on what was bound and not begun', async () => {
    const client = await begin()
    expect(await send(client, parse('s', 'select ssn, email from customers'), bind('p', 's'))).toEqual([
      '1',
      '2',
      'Z transaction',
    ])
    await swap(policy)
    const lines = await send(client, execute('p'))
    noSecret(lines)
    client.socket.destroy()
  })
  test('rules on the rest of what was begun', async () => {
    const client = await begin()
    await send(client, parse('s', 'select id, ssn, email from customers order by 1'), bind('p', 's'), execute('p', 1))
    await swap(policy)
    const lines = await send(client, execute('p'))
    noSecret(lines)
    client.socket.destroy()
  })
  test('rules on FETCH from a cursor', async () => {
    const client = await begin()
    await client.query('declare c cursor for select id, ssn, email from customers order by 1')
    await swap(policy)
    const lines = await client.query('fetch all from c')
    noSecret(lines)
    client.socket.destroy()
  })
  test('rules on FETCH from a portal', async () => {
    const client = await begin()
    expect(await send(client, parse('s', 'select ssn, email from customers'), bind('p', 's'))).toEqual([
      '1',
      '2',
      'Z transaction',
    ])
    await swap(policy)
    const lines = await client.query('fetch all from p')
    noSecret(lines)
    client.socket.destroy()
  })
})
