import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CommandWorld, type RunningGateway, startCommandWorld } from '../command-world.ts'

let world: CommandWorld
beforeAll(async () => {
  world = await startCommandWorld()
}, 90_000)
afterAll(() => world.stop())

const startsOf = (gateway: RunningGateway): readonly number[] =>
  [...gateway.out().matchAll(/"pid":(\d+),"msg":"a worker was started"/g)].map(([, pid]) => Number(pid))
const failures = (gateway: RunningGateway): number => gateway.out().split('a worker could not be started').length - 1
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(50)
}

/** The soft limit of a process's descriptors. */
const limitDescriptors = (pid: number, soft: number): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`])
}

test('F29: a worker that can not be forked for want of descriptors is replaced once there are some', async () => {
  const gateway = await world.up(await world.configure({ more: 'workers: 2' }))
  const primary = gateway.child.pid!
  const [first] = startsOf(gateway)
  limitDescriptors(primary, 3)
  process.kill(first!, 'SIGKILL')
  await until(() => failures(gateway) > 1)
  limitDescriptors(primary, 1_024)
  await until(() => startsOf(gateway).length === 3)
  const client = await gateway.logIn()
  await client.end()
  limitDescriptors(primary, 3)
  process.kill(startsOf(gateway)[1]!, 'SIGKILL')
  const before = failures(gateway)
  await until(() => failures(gateway) > before)
  const { exit } = await gateway.end('SIGTERM')
  expect(exit, 'stops while a worker is missing').toBe(0)
}, 60_000)
