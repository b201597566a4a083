import { masking } from '@querywarden/masking'
import {
  type Approver,
  type Catalog,
  type Classifier,
  type CompiledPolicy,
  type Facts,
  type Gate,
  type Instant,
  openGate,
  type Recorder,
  type Use,
} from '@querywarden/policy-core'
import type { Reading } from './reading.ts'

/** The gate of the gateway, with hooks that ask nobody and write nothing. Statements are judged by it and never run. */
export const gateToRehearse = (given: {
  readonly policy: CompiledPolicy
  readonly reading: Reading
  readonly catalog: Catalog
  readonly now: () => Instant
  /** What came before in the session isn't followed, so no statement is fully known any more. */
  readonly isBeyondCatalog: boolean
}): Gate =>
  openGate({
    policy: given.policy,
    classify: given.isBeyondCatalog ? doubting(given.reading.classify) : given.reading.classify,
    rewrite: given.reading.rewrite,
    catalog: () => Promise.resolve(given.catalog),
    mask: PLACEHOLDER_MASKS,
    approve: grantEverything,
    record: recordNothing,
    clock: { now: given.now, monotonic: () => performance.now() },
    limits: { judgementsMax: 4_096, judgedCharsMax: 16_384 },
  })

/** The rewritten text is thrown away, so no real key is needed to see whether there is one. */
const PLACEHOLDER_MASKS = masking({ hashKey: () => new Uint8Array(32) })

const grantEverything: Approver = () => Promise.resolve({ kind: 'granted', request: '', by: [], reason: '' })

const recordNothing: Recorder = () =>
  Promise.resolve({ append: () => Promise.resolve(), close: () => Promise.resolve() })

/** Adds to what a statement does that nobody can be sure of it. */
const doubting = (classify: Reading['classify']): Classifier => {
  const known = new WeakMap<Facts, Facts>()
  return (statement, catalog) => {
    const facts = classify(statement, catalog)
    // BEGIN and SET of a known setting mean the same whatever the schema.
    if (facts.kind === 'opaque' || facts.uses.every(isOfSessionAlone)) return facts
    const doubted = known.get(facts) ?? withDoubt(facts, Buffer.byteLength(statement.text))
    known.set(facts, doubted)
    return doubted
  }
}

const isOfSessionAlone = (use: Use): boolean =>
  use.kind === 'statement' && (use.effect === 'transaction' || use.effect === 'session')

const withDoubt = (facts: Extract<Facts, { kind: 'understood' }>, end: number): Facts => ({
  ...facts,
  uses: [
    ...facts.uses,
    {
      kind: 'statement',
      effect: 'unknown',
      why: 'comes after a change of the schema or of how names are read',
      place: { start: 0, end },
    },
  ],
})
