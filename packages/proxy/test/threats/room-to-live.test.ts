import { execFileSync } from 'node:child_process'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CommandWorld, startCommandWorld } from '../command-world.ts'

let world: CommandWorld
beforeAll(async () => {
  world = await startCommandWorld()
}, 90_000)
afterAll(() => world.stop())

test('F35: memory that leaves a worker nothing to live in is refused at the start, and what to do is said', async () => {
  const config = await world.configure({ more: 'workers: 4\nlimits: { memory_mb: 512 }' })
  const { exit, err } = await world.run(['up', '-c', config])
  expect([exit, err]).toEqual([
    2,
    'querywarden: `limits.memory_mb` leaves each of 4 workers 128 MiB, and one needs 256: expected 1024 or more, or fewer workers\n',
  ])
}, 30_000)

test('F35: with the least that is taken a worker takes sessions; F29: metrics need no descriptor', async () => {
  const gateway = await world.up(await world.configure({ more: 'limits: { memory_mb: 256 }' }))
  for (let i = 0; i < 4; i++) {
    const ready = await fetch(new URL('/readyz', gateway.adminUrl))
    expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('"ready":true')])
    await sleep(500)
  }
  const client = await gateway.logIn()
  await client.query('select 1')
  await client.end()

  // A connection that is there already is all that whoever asks can have.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const metricsUrl = new URL('/metrics', gateway.adminUrl)
  await textOf(metricsUrl, agent)
  execFileSync('prlimit', ['--pid', String(gateway.child.pid), '--nofile=3:'])
  const [, bytes] = /^process_resident_memory_bytes (\d+)/m.exec(await textOf(metricsUrl, agent)) ?? []
  expect(Number(bytes)).toBeGreaterThan(50_000_000)
  agent.destroy()
  await gateway.end('SIGKILL')
}, 60_000)

const textOf = (url: URL, agent: Agent): Promise<string> =>
  new Promise((resolve, reject) => {
    get(url, { agent }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', part => {
        text += part
      })
      answer.once('end', () => resolve(text))
    }).once('error', reject)
  })
