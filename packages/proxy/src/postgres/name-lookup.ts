import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { within } from '../workers/within.ts'

/** An answer is good for so long without asking again. */
const FRESH_MS = 5_000
/** And for so long where those that are asked again don't answer; who says that there is no such name is believed. */
const KEPT_MS_MAX = 300_000
const PATIENCE_MS = 1_000

/**
 * Looks up the name of one target, for all that connect to it. Each lookup holds one of the few threads of the process
 * until the resolver gives up, so there is never more than one under way, however many wait for it (threats E11, F31).
 *
 * @param options.resolve - All addresses of a name.
 */
export function nameLookup({
  resolve,
  monotonic,
}: {
  readonly resolve: (name: string) => Promise<LookupAddress[]>
  readonly monotonic: () => number
}): LookupFunction {
  let underWay: Promise<LookupAddress[]> | null = null
  let known: { readonly addresses: LookupAddress[]; readonly atMs: number } | null = null

  const ask = async (name: string): Promise<LookupAddress[]> => {
    try {
      const addresses = await resolve(name)
      known = { addresses, atMs: monotonic() }
      return addresses
    } finally {
      underWay = null
    }
  }
  const addressesOf = async (name: string): Promise<LookupAddress[]> => {
    const last = known
    const ageMs = last === null ? Number.POSITIVE_INFINITY : monotonic() - last.atMs
    if (last !== null && ageMs < FRESH_MS) return last.addresses
    underWay ??= ask(name)
    if (last === null || ageMs > KEPT_MS_MAX) return underWay
    return (await within(PATIENCE_MS, underWay)) ?? last.addresses
  }
  return (name, { all }, callback) => {
    addressesOf(name).then(
      addresses => {
        const [first] = addresses
        if (all === true) callback(null, addresses)
        else if (first !== undefined) callback(null, first.address, first.family)
        else callback(new Error('the name has no address'), '')
      },
      (error: Error) => callback(error, ''),
    )
  }
}
