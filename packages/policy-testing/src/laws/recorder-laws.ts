import type { Entry, Recorder, SessionOpening } from '@querywarden/policy-core'
import { expectThat, type Law } from './law.ts'

const incident = (statement: number): Entry => ({
  kind: 'incident',
  statement,
  code: 'LAW',
  message: 'a law is being tried',
})

/**
 * What every recorder must keep.
 *
 * @param make gives a fresh recorder and an opening with a session id that it hasn't seen; called once a law.
 * @example
 * for (const law of recorderLaws(async () => ({ record, opening }))) test(law.name, law.check)
 */
export const recorderLaws = (
  make: () => Promise<{ readonly record: Recorder; readonly opening: SessionOpening }>,
): readonly Law[] => [
  {
    name: 'entries handed over at once are all taken',
    check: async () => {
      const { record, opening } = await make()
      const session = await record(opening)
      await Promise.all([1, 2, 3, 4, 5].map(statement => session.append(incident(statement))))
      await session.close('client-left')
    },
  },
  {
    name: 'a closed account takes no entry',
    check: async () => {
      const { record, opening } = await make()
      const session = await record(opening)
      await session.close('client-left')
      const isTaken = await session.append(incident(1)).then(
        () => true,
        () => false,
      )
      expectThat(!isTaken, 'an entry was taken after the close')
    },
  },
]
