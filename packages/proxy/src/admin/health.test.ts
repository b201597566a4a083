import { describe, expect, test } from 'vitest'
import { healthApp } from './health.ts'

const app = (reasons: readonly string[], metrics: 'all' | 'direct' | 'none' = 'direct') =>
  healthApp({ notReady: () => Promise.resolve(reasons), metrics: () => Promise.resolve('a_total 1\n') }, { metrics })

test('a process that lives is healthy, whether or not it takes sessions', async () => {
  expect((await app([]).request('/healthz')).status).toBe(200)
  expect((await app(['the gateway is shutting down']).request('/healthz')).status).toBe(200)
})

test('readiness says why not, for programs', async () => {
  const ready = await app([]).request('/readyz')
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }])
  const unready = await app(['a', 'b']).request('/readyz')
  expect([unready.status, await unready.json()]).toEqual([503, { ready: false, reasons: ['a', 'b'] }])
})

describe('metrics', () => {
  test('are in the format of Prometheus', async () => {
    const response = await app([]).request('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toBe('a_total 1\n')
  })

  test.each(['forwarded', 'x-forwarded-for', 'X-Forwarded-Host', 'X-Real-IP', 'via'])(
    'are not told through a proxy (%s), unless they have a listener of their own',
    async header => {
      const through = { headers: { [header]: 'for=10.0.0.7' } }
      expect((await app([]).request('/metrics', through)).status).toBe(403)
      expect((await app([], 'all').request('/metrics', through)).status).toBe(200)
    },
  )

  test('are not there where they are told elsewhere', async () => {
    expect((await app([], 'none').request('/metrics')).status).toBe(404)
  })
})
