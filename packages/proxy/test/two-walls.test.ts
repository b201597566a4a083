import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawLogin } from './raw-client.ts'
import { CAUGHT, COMPUTED, HOWS, POLICY, run, SCHEMA, SECRET, SSN } from './second-wall-forms.ts'

let governed: Governed
beforeAll(async () => {
  governed = await govern({ schema: SCHEMA, policy: POLICY, targetUser: 'postgres', canaries: { planted: SECRET } })
})
afterAll(() => governed.stop())

const login = async (): Promise<RawClient> => rawLogin(governed.gateway.postgres, await governed.token())

describe('both walls are up: each is served, masked, and the second one has nothing to say', () => {
  describe.each(Object.entries({ ...CAUGHT, ...COMPUTED }))('%s', (_form, texts) => {
    test.each(HOWS)('%s', async how => {
      const client = await login()
      const lines = await run(client, texts, how)
      expect(lines.filter(line => line.startsWith('E '))).toEqual([])
      expect(lines.at(-1)).toMatch(/^Z /)
      for (const value of [SECRET, SSN]) expect(client.text).not.toContain(value)
      await client.query('rollback')
      client.socket.destroy()
    })
  })

  test('nothing was an incident', async () => {
    const metrics = await governed.gateway.metrics()
    for (const code of ['RAW_COLUMN', 'UNEXPECTED_ORIGIN', 'CANARY'])
      expect(metrics).toContain(`querywarden_incidents_total{code="${code}"} 0`)
  })
})
