import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryDir } from '../fixtures.ts'
import { SIGNER } from '../vectors/make-vectors.ts'
import { allAttacks, newTally, tryAttack } from './harness.ts'
import { Subject } from './subject.ts'

const VECTORS = fileURLToPath(new URL('../../vectors', import.meta.url))
/** One attack in so many, of each kind: the whole is `npm run tamper`. */
const STEPS: Readonly<Record<string, number>> = {
  'byte flipped': 293,
  'end cut off': 199,
  'checkpoint changed': 151,
  'frames swapped': 17,
  'put in another place': 1,
  'boot removed': 1,
  'both rewritten': 2,
}

describe('R1, R2: whoever has no key, with an anchor and its key', () => {
  test.each(['whole', 'recovered'])('%s: every attack is seen, and both verifiers agree', async name => {
    const subject = await Subject.of(join(VECTORS, name), join(await temporaryDir(), name), SIGNER.verifierKey)
    const sound = await subject.opinions(new Map())
    const tally = newTally()
    const seen = new Map<string, number>()
    for (const attack of allAttacks(subject)) {
      const count = (seen.get(attack.kind) ?? 0) + 1
      seen.set(attack.kind, count)
      if (count % (STEPS[attack.kind] ?? 3) === 0) await tryAttack(subject, sound, attack, tally)
    }
    expect(tally.broken).toEqual([])
    expect([...tally.tried.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50)
  })
})
