import { randomUUID } from 'node:crypto'
import { type ApprovalStore, memoryStore } from '@querywarden/approvals'
import { IdentityError } from '@querywarden/identity'
import type { Principal, Question } from '@querywarden/policy-core'
import { Hono } from 'hono'
import { beforeEach, describe, expect, test } from 'vitest'
import { adminApp } from './app.ts'

const NOW = 1_800_000_000_000
const person = (subject: string, groups: readonly string[]): Principal => ({
  issuer: 'https://idp.example.com',
  subject,
  groups,
  actor: null,
  expiresAt: NOW + 3_600_000,
  credentialDigest: null,
})
const PEOPLE: Readonly<Record<string, Principal>> = {
  agent: person('agent', ['ai-agents']),
  dana: person('dana', ['dba']),
  eve: person('eve', ['interns']),
  'other-agent': { ...person('dana', ['dba']), actor: person('other-bot', []) },
  'dba-agent': { ...person('dana', ['dba']), actor: person('bot', []) },
}

const TERMS = { rules: ['orders'], approverGroups: [['dba']], quorum: 1, expiresMs: 60_000, mode: 'hold' } as const
const question = (asker: Principal): Question => ({
  session: 'session-1',
  statement: { dialect: 'postgres', text: "delete from orders where note = 'p4ssphrase'", params: [] },
  canonical: "delete from orders where note = 'p4ssphrase'",
  principal: asker,
  target: { name: 'app', dialect: 'postgres' },
  searchPath: ['public'],
  catalogFingerprint: 'c1',
  policyVersion: 'v1',
  decision: {
    kind: 'approve',
    reasons: [],
    obligations: { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } },
    terms: TERMS,
  },
  terms: TERMS,
})

let store: ApprovalStore
let failures: Error[]
let app: ReturnType<typeof adminApp>
let id: string
beforeEach(async () => {
  failures = []
  store = memoryStore({
    now: () => NOW,
    newId: randomUUID,
    requestsMax: 10,
    requestsPerPrincipalMax: 5,
    settledMax: 10,
    questionBytesMax: 1_048_576,
  })
  app = adminApp({
    store,
    now: () => NOW,
    health: new Hono(),
    remoteAddress: () => '127.0.0.1',
    onFailure: error => failures.push(error),
    verify: ({ token }) => {
      const found = PEOPLE[token]
      return found === undefined
        ? Promise.reject(new IdentityError('UNKNOWN_TOKEN', 'this token is not known here'))
        : Promise.resolve(found)
    },
  })
  id = (await store.create(question(PEOPLE['agent']!))).id
})

const as = (who: string, more: RequestInit = {}): RequestInit => ({
  ...more,
  headers: { authorization: `Bearer ${who}`, 'content-type': 'application/json', ...more.headers },
})
const answer = (who: string, verb = 'approve', body: string = '{"reason":"fine"}', more: RequestInit = {}) =>
  app.request(`/v1/approvals/${id}/${verb}`, as(who, { method: 'POST', body, ...more }))
const codeOf = async (response: Response): Promise<[number, string]> => {
  const body = (await response.json()) as { error: { code: string } }
  return [response.status, body.error.code]
}

describe('who is not known gets nothing', () => {
  test.each([
    ['no token', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic ZGFuYQ==' }],
    ['two words', { authorization: 'Bearer dana dana' }],
    ['an unknown one', { authorization: 'Bearer nobody' }],
    ['a cookie', { cookie: 'token=dana' }],
  ])('%s', async (_, headers) => {
    for (const [path, method] of [
      ['/v1/approvals', 'GET'],
      [`/v1/approvals/${id}`, 'GET'],
      [`/v1/approvals/${id}/approve`, 'POST'],
      ['/v1/anything', 'GET'],
    ] as const) {
      const response = await app.request(path, { method, headers })
      expect(response.headers.get('set-cookie')).toBeNull()
      expect(await codeOf(response)).toEqual([401, 'UNAUTHENTICATED'])
    }
    expect((await store.get(id))?.state).toBe('pending')
  })
})

describe('a request is there for its asker and for those who may answer it', () => {
  test.each([
    ['agent', 1],
    ['dana', 1],
    ['eve', 0],
    ['dba-agent', 0],
  ])('%s sees %d', async (who, count) => {
    const listed = (await (await app.request('/v1/approvals', as(who))).json()) as { approvals: { request: string }[] }
    expect(listed.approvals.map(one => one.request)).toEqual(count === 1 ? [id] : [])
    const response = await app.request(`/v1/approvals/${id}`, as(who))
    expect(response.status).toBe(count === 1 ? 200 : 404)
    expect((await response.text()).includes('p4ssphrase')).toBe(count === 1)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('an agent sees what it asked for its person, and not what another agent or the person asked', async () => {
    for (const asker of ['dana', 'dba-agent', 'other-agent']) await store.create(question(PEOPLE[asker]!))
    const listed = (await (await app.request('/v1/approvals', as('dba-agent'))).json()) as {
      approvals: { actor: string | null }[]
    }
    expect(listed.approvals.map(one => one.actor)).toEqual(['https://idp.example.com bot'])
  })

  test('for who may not see it, it is as if it were not there', async () => {
    const unseen = await app.request(`/v1/approvals/${id}`, as('eve'))
    const absent = await app.request(`/v1/approvals/${randomUUID()}`, as('eve'))
    expect(await unseen.text()).toBe(await absent.text())
    expect(await codeOf(await answer('eve'))).toEqual([404, 'NOT_FOUND'])
  })

  test('its first 8 characters are enough, 7 are not, and neither are 8 that two have', async () => {
    expect((await app.request(`/v1/approvals/${id.slice(0, 8)}`, as('dana'))).status).toBe(200)
    expect((await app.request(`/v1/approvals/${id.slice(0, 7)}`, as('dana'))).status).toBe(404)
    expect((await app.request('/v1/approvals/', as('dana'))).status).toBe(404)
  })

  test('by state', async () => {
    const count = async (state: string): Promise<number> =>
      ((await (await app.request(`/v1/approvals?state=${state}`, as('dana'))).json()) as { approvals: unknown[] })
        .approvals.length
    expect([await count('pending'), await count('granted'), await count('all')]).toEqual([1, 0, 1])
    expect(await codeOf(await app.request('/v1/approvals?state=some', as('dana')))).toEqual([400, 'BAD_REQUEST'])
  })
})

describe('an answer', () => {
  test.each([
    ['approve', 'granted'],
    ['deny', 'denied'],
  ])('%s by who may: %s', async (verb, state) => {
    const response = await answer('dana', verb)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ request: id, state })
  })

  test('is given once', async () => {
    expect((await answer('dana', 'deny')).status).toBe(200)
    expect((await codeOf(await answer('dana')))[0]).toBe(409)
    expect((await store.get(id))?.state).toBe('denied')
  })

  test.each([
    ['the asker', 'agent', [403, 'SELF_APPROVAL']],
    ['an agent that acts for a person', 'dba-agent', [404, 'NOT_FOUND']],
  ])('is not taken from %s', async (_, who, expected) => {
    expect(await codeOf(await answer(who))).toEqual(expected)
    expect((await store.get(id))?.state).toBe('pending')
  })

  test.each(['', 'no json', '[]', '"x"', '{"reason":1}', '{"reson":"x"}', `{"reason":"${'x'.repeat(2_001)}"}`])(
    'is not read from %.20s',
    async body => {
      expect(await codeOf(await answer('dana', 'approve', body))).toEqual([400, 'BAD_REQUEST'])
    },
  )

  test('is not taken when its reason holds control characters', async () => {
    const body = JSON.stringify({ reason: 'a\u001b[2Jb' })
    expect(await codeOf(await answer('dana', 'approve', body))).toEqual([400, 'REASON_INVALID'])
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
  ])('is not taken as %s, which a page elsewhere could post', async type => {
    const response = await answer('dana', 'approve', '{}', { headers: { ...AS_DANA, 'content-type': type } })
    expect(await codeOf(response)).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    expect((await store.get(id))?.state).toBe('pending')
  })

  test('is not read past its limit', async () => {
    const body = JSON.stringify({ reason: '', more: 'x'.repeat(20_000) })
    expect(await codeOf(await answer('dana', 'approve', body))).toEqual([413, 'TOO_LARGE'])
  })

  test('takes POST, and nothing else', async () => {
    expect((await app.request(`/v1/approvals/${id}/approve`, as('dana'))).status).toBe(404)
    expect((await answer('dana', 'grant')).status).toBe(404)
    expect(
      (await app.request(`/v1/approvals/${id}/approve`, as('dana', { method: 'OPTIONS' }))).headers.has(
        'access-control-allow-origin',
      ),
    ).toBe(false)
    expect((await store.get(id))?.state).toBe('pending')
  })
})

const AS_DANA = { authorization: 'Bearer dana' }

test('what fails within is named to the log and to nobody else', async () => {
  const broken = adminApp({
    store: { ...store, list: () => Promise.reject(new Error('connection to 10.0.0.1 failed for user admin')) },
    verify: () => Promise.resolve(PEOPLE['dana']!),
    now: () => NOW,
    health: new Hono(),
    remoteAddress: () => '127.0.0.1',
    onFailure: error => failures.push(error),
  })
  const response = await broken.request('/v1/approvals', as('dana'))
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('10.0.0.1')
  expect(failures).toHaveLength(1)
})

test.each([
  new IdentityError('KEYS_UNAVAILABLE', 'keys of https://idp.internal:8443 can not be fetched'),
  new IdentityError('CONFIG_INVALID', 'https://idp.internal:8443 is no issuer'),
  new Error('connect ECONNREFUSED idp.internal:8443'),
])('a token that could not be verified is not called bad, and the log alone says why: %s', async error => {
  const broken = adminApp({
    store,
    verify: () => Promise.reject(error),
    now: () => NOW,
    health: new Hono(),
    remoteAddress: () => '127.0.0.1',
    onFailure: failure => failures.push(failure),
  })
  const response = await broken.request('/v1/approvals', as('dana'))
  expect(response.status).toBe(503)
  expect(await response.text()).not.toContain('idp.internal')
  expect(failures).toEqual([error])
})
