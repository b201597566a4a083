import { expect, test } from 'vitest'
import { AnchorLane } from '../../src/anchoring/anchor-lane.ts'
import { MerkleLog } from '../../src/anchoring/merkle-log.ts'
import { leafHash, type SignedCheckpoint } from '../../src/index.ts'
import { testAnchor } from './anchoring-fixtures.ts'

test('F13: what is offered in the very moment that the one before was kept is kept too', async () => {
  for (let moments = 0; moments < 40; moments++) {
    const [anchor, tree] = [testAnchor(), new MerkleLog()]
    const lane = new AnchorLane(anchor, {
      tree,
      graceMs: 60_000,
      clock: { now: () => 0, monotonic: () => 0 },
      sleep: () => new Promise<void>(() => undefined),
      randomBytes: count => new Uint8Array(count),
      report: () => undefined,
      keepCosigned: async () => undefined,
    })
    const offer = (): void => {
      tree.append(leafHash(Buffer.of(tree.size)))
      const checkpoint: SignedCheckpoint = { boot: 'b', size: tree.pin(), root: tree.root(), note: '' }
      lane.offer(checkpoint)
    }
    offer()
    for (let moment = 0; moment < moments; moment++) await Promise.resolve()
    offer()
    await lane.finish(1)
    expect(anchor.kept.at(-1)?.size, `after ${moments} moments`).toBe(2)
  }
})
