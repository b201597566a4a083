import { expect } from 'vitest'
import type { GovernedServer, Route } from './governed-server.ts'

type Scenario<Outcome> = (route: Route) => Promise<Outcome>

/**
 * Runs a scenario that changes nothing on the direct route and through the gateway, and expects the same of both. Gives
 * what it came to, so that the test can say what that must be.
 */
export async function sameBothWays<Outcome>(
  world: GovernedServer,
  scenario: Scenario<Outcome>,
  through: 'governed' | 'trusted' = 'governed',
): Promise<Outcome> {
  const direct = await scenario(world.direct)
  expect(await scenario(world[through])).toEqual(direct)
  return direct
}

/** The same for a scenario that changes something: it meets the database in its first state each time. */
export const sameFromScratch = <Outcome>(
  world: GovernedServer,
  scenario: Scenario<Outcome>,
  through: 'governed' | 'trusted' = 'governed',
): Promise<Outcome> =>
  sameBothWays(
    world,
    async route => {
      await world.reset()
      return scenario(route)
    },
    through,
  )

/** What an error says to a program: all fields, but where in the server's source it was raised stays too. */
export async function errorOf(doing: Promise<unknown>): Promise<Readonly<Record<string, unknown>>> {
  const error: unknown = await doing.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error)) throw new Error('expected this to fail')
  const { stack: _, ...fields } = Object.fromEntries(
    [...Object.getOwnPropertyNames(error)].map(name => [name, Reflect.get(error, name)]),
  )
  return { name: error.name, ...fields }
}
