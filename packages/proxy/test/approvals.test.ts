import { encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AdminClient, adminClient, type ShownApproval } from '../src/admin/client.ts'
import { type Governed, govern, POLICY, SCHEMA } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin, runUnnamed, sendCancel } from './raw-client.ts'

let governed: Governed
let dana: AdminClient
beforeAll(async () => {
  governed = await govern({
    targetUser: 'postgres',
    schema: `${SCHEMA} create table audit (id int);`,
    policy: POLICY.replace(
      'masks:',
      `  - id: notes-deletes-need-a-person-soon
    decision: approve
    who: { groups: [ai-agents] }
    what: { access: [delete], relations: ["public.notes"] }
    approval: { approvers: { groups: [dba] }, quorum: 1, expires: 1s, mode: hold }
  - { id: no-audit, decision: deny, what: { relations: ["public.audit"] } }
masks:`,
    ),
  })
  dana = await admin({ subject: 'dana' })
})
afterAll(() => governed.stop())
beforeEach(async () => {
  await governed.database.exec("update orders set status = 'new'")
})

async function admin(who?: { readonly subject: string }): Promise<AdminClient> {
  const { host, port } = governed.gateway.admin
  return adminClient({ url: `http://${host}:${port}`, token: await governed.token(who) })
}
const login = async (): Promise<RawClient> => rawLogin(governed.gateway.postgres, await governed.token())

const UPDATE = "update orders set status = status || '+' where id = 1"
const status = async (): Promise<unknown> =>
  (await governed.database.exec('select status from orders where id = 1'))[0]?.['status']

/** Sends messages and gives the id of the request that they have to wait for. */
async function hold(client: RawClient, ...messages: readonly Uint8Array[]): Promise<string> {
  client.send(...messages)
  const [line] = await client.until('N', 'E')
  const request = /^N NOTICE 00000 waiting for approval: request (\S+),/.exec(line ?? '')?.[1]
  expect(request, line).toBeDefined()
  return String(request)
}

const pending = (): Promise<readonly ShownApproval[]> => dana.list('pending')

async function settled(request: string): Promise<string> {
  for (;;) {
    const { state } = await dana.show(request)
    if (state !== 'pending') return state
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

describe('a statement that needs a person', () => {
  test('waits with a notice, runs once when approved, and asks again the next time', async () => {
    const client = await login()
    const request = await hold(client, encodeQuery({ query: UPDATE }))
    expect((await dana.show(request)).sql).toContain('update orders')
    expect(await status()).toBe('new')
    await dana.answer(request, 'approve', 'looks right')
    expect(await client.until('Z')).toEqual(['C UPDATE 1', 'Z idle'])
    expect(await status()).toBe('new+')

    const second = await hold(client, encodeQuery({ query: UPDATE }))
    expect(second).not.toBe(request)
    await dana.answer(second, 'deny', 'once is enough')
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 42501 .*denied/), 'Z idle'])
    expect(await status()).toBe('new+')
    await expect(dana.answer(second, 'approve', 'after all')).rejects.toThrow()
    client.socket.destroy()
  })

  test('expires', async () => {
    const client = await login()
    client.send(encodeQuery({ query: 'delete from notes where id = 1' }))
    const lines = await client.until('Z')
    expect(lines.at(-2)).toMatch(/^E ERROR 42501 .*nobody answered/)
    client.socket.destroy()
  })

  test('A3: neither its asker nor a stranger answers it, and a stranger does not see it', async () => {
    const client = await login()
    const request = await hold(client, encodeQuery({ query: UPDATE }))
    await expect((await admin()).answer(request, 'approve', 'me')).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_APPROVAL|NOT_AN_APPROVER|NOT_A_PERSON/),
    })
    const eve = await admin({ subject: 'eve' })
    expect(await eve.list('pending')).toEqual([])
    await expect(eve.show(request)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(eve.answer(request, 'approve', 'me')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await status()).toBe('new')
    client.socket.destroy()
    expect(await settled(request)).toBe('withdrawn')
  })

  test('A4: is refused inside a transaction, which is aborted', async () => {
    const client = await login()
    await client.query('begin')
    expect(await client.query(UPDATE)).toEqual([expect.stringMatching(/^E ERROR 25001/), 'Z failed'])
    await client.query('rollback')
    expect(await pending()).toEqual([])
    // In one pipeline with its BEGIN it is asked for before any of that is sent: no transaction waits.
    const request = await hold(client, runUnnamed('begin'), runUnnamed(UPDATE), runUnnamed('commit'), SYNC)
    const open = "select 1 from pg_stat_activity where state like 'idle in transaction%'"
    expect(await governed.database.exec(open)).toEqual([])
    await dana.answer(request, 'approve', 'ok')
    expect((await client.until('Z')).at(-1)).toBe('Z idle')
    expect(await status()).toBe('new+')
    client.socket.destroy()
  })

  test('a text with a denied statement in it asks nobody', async () => {
    const client = await login()
    expect((await client.query(`${UPDATE}; insert into audit values (1)`))[0]).toMatch(/^E ERROR 42501/)
    client.send(runUnnamed(UPDATE), runUnnamed('insert into audit values (1)'), SYNC)
    const lines = await client.until('Z', 'N')
    expect(lines[0]).toMatch(/^E ERROR 42501/)
    expect(await pending()).toEqual([])
    client.socket.destroy()
  })

  test('N2: is refused when the schema changed while it waited', async () => {
    const client = await login()
    const request = await hold(client, encodeQuery({ query: UPDATE }))
    await governed.database.exec('alter table orders add column later int')
    await governed.gateway.refreshSchemas()
    await dana.answer(request, 'approve', 'ok')
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 57014 .*changed/), 'Z idle'])
    expect(await status()).toBe('new')
    client.socket.destroy()
  })

  test('A1, A7: is asked for with its parameters, and other parameters are another question', async () => {
    const client = await login()
    client.send(parse('u', 'update orders set status = $1 where id = $2', [25, 23]), SYNC)
    await client.until('Z')
    const request = await hold(client, bind('', 'u', ['sold', '1']), execute(), SYNC)
    expect((await dana.show(request)).text).toContain('sold')
    await dana.answer(request, 'approve', 'ok')
    expect(await client.until('Z')).toContain('C UPDATE 1')
    expect(await status()).toBe('sold')
    for (const parameters of [
      ['gone', '1'],
      ['sold', '1'],
    ]) {
      const again = await hold(client, bind('', 'u', parameters), execute(), SYNC)
      expect(again).not.toBe(request)
      await dana.answer(again, 'deny', 'no')
      expect((await client.until('Z'))[0]).toMatch(/^E ERROR 42501/)
    }
    expect(await status()).toBe('sold')
    client.socket.destroy()
  })
})

describe('A5, F22: an asker that is gone', () => {
  const leave: Record<string, (client: RawClient) => unknown> = {
    'leaves politely': client => client.socket.end(Buffer.from('X\0\0\0\x04', 'latin1')),
    'just closes': client => client.socket.end(),
    'is reset': client => client.socket.resetAndDestroy(),
  }

  test.each(Object.keys(leave))('takes its request along when it %s; approving it then does nothing', async how => {
    const client = await login()
    const request = await hold(client, encodeQuery({ query: UPDATE }))
    leave[how]?.(client)
    expect(await settled(request)).toBe('withdrawn')
    await expect(dana.answer(request, 'approve', 'late')).rejects.toThrow()
    expect(await status()).toBe('new')
  })

  test('may cancel: the request is withdrawn and the session goes on', async () => {
    const client = await login()
    const request = await hold(client, encodeQuery({ query: UPDATE }))
    await sendCancel(governed.gateway.postgres, client.key)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 57014/), 'Z idle'])
    expect(await settled(request)).toBe('withdrawn')
    expect(await client.query('select 1')).toContain('D 1')
    client.socket.destroy()
  })

  test('does not win against its own leaving: approval and reset at once run it at most once', async () => {
    for (let round = 0; round < 5; round++) {
      const client = await login()
      const request = await hold(client, encodeQuery({ query: UPDATE }))
      const answered = dana.answer(request, 'approve', 'race').catch(() => null)
      client.socket.resetAndDestroy()
      await answered
      expect(['withdrawn', 'redeemed', 'granted', 'approved']).toContain(await settled(request))
    }
    expect(String(await status()).length).toBeLessThanOrEqual('new+++++'.length)
  })
})
