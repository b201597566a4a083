import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parsePolicyText } from '../src/open-policy.ts'
import { type Governed, govern, POLICY } from './governed-database.ts'

let governed: Governed
beforeAll(async () => {
  governed = await govern()
})
afterAll(() => governed.stop())

/** The settings that the log of the gateway's recordings tells of, in order: its frames are CBOR in clear. */
async function settings(): Promise<readonly (readonly [string, string])[]> {
  const boots = (await readdir(governed.recordings, { withFileTypes: true })).filter(entry => entry.isDirectory())
  const logs = await Promise.all(
    boots.map(({ name }) => readFile(join(governed.recordings, name, 'instance.log'), 'latin1')),
  )
  return logs.flatMap(log =>
    [...log.matchAll(/dname.(policy|configuration)dprev.{34}fdigest(?:p([0-9a-f]{16})|x@([0-9a-f]{64}))/gs)].map(
      ([, name = '', short, long]) => [name, short ?? long ?? ''] as const,
    ),
  )
}

test('R2: what the gateway goes by is in the log from its start on, and each change of it, by digests', async () => {
  const version = (text: string): string => parsePolicyText(text, 'policy.yaml').version
  const before = await settings()
  expect(before.map(([name]) => name)).toEqual(['policy', 'configuration'])
  expect(before[0]?.[1]).toBe(version(POLICY))
  expect(before[1]?.[1]).toMatch(/^[0-9a-f]{64}$/)

  await writeFile(join(governed.dir, 'policy.yaml'), `${POLICY}limits:\n  - { rows: 10 }\n`)
  expect(await governed.gateway.reload(() => governed.config)).not.toBeNull()
  const stricter = { ...governed.config, limits: { ...governed.config.limits, sessionsMax: 7 } }
  expect(await governed.gateway.reload(() => stricter)).not.toBeNull()
  // One that can't be put in force changes nothing.
  await writeFile(join(governed.dir, 'policy.yaml'), 'version: 2')
  expect(await governed.gateway.reload(() => governed.config)).toBeNull()

  while ((await settings()).length < 6) await wait(20)
  const [policies, configurations] = ['policy', 'configuration'].map(one =>
    settings().then(found => found.filter(([name]) => name === one).map(([, digest]) => digest)),
  )
  const changed = version(`${POLICY}limits:\n  - { rows: 10 }\n`)
  expect(await policies).toEqual([version(POLICY), changed, changed])
  const digests = (await configurations) ?? []
  expect(digests.map(digest => digest === digests[0])).toEqual([true, true, false])
})
