import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { type CrashPoint, runTrial } from './trial.ts'

const SEEDS = 200
const { QUERYWARDEN_SEED } = process.env
const from = QUERYWARDEN_SEED === undefined ? randomInt(2 ** 31) : Number(QUERYWARDEN_SEED)

test(`R1, R2, R5, F10, F11, F12, F24: ${SEEDS} seeds of crashes on a simulated disk, from ${from} on, break no promise`, {
  timeout: 120_000,
}, async () => {
  const broken: { readonly seed: number; readonly faults: readonly string[] }[] = []
  const crashes: CrashPoint[] = []
  for (let seed = from; seed < from + SEEDS; seed++) {
    const trial = await runTrial(seed)
    crashes.push(...trial.crashes)
    if (trial.faults.length > 0) broken.push({ seed, faults: trial.faults })
  }
  expect(broken).toEqual([])
  // That it is about what it says: both kinds, while recording and while recovering, at writes, syncs and names.
  for (const [kind, during] of [
    ['kill', 'recording'],
    ['kill', 'recovery'],
    ['power', 'recording'],
    ['power', 'recovery'],
  ]) {
    expect(crashes.filter(point => point.kind === kind && point.during === during).length).toBeGreaterThan(10)
  }
  const operations = new Set(crashes.map(({ operation }) => operation))
  for (const operation of ['write', 'writeNow', 'sync', 'syncData', 'rename', 'syncFolder', 'create']) {
    expect(operations).toContain(operation)
  }
})
