import type { Answer, Approver, Identity, Question } from '@querywarden/policy-core'
import { expectThat, type Law } from './law.ts'

/** An approver together with the people's side of it. */
export interface ApproverUnderTest {
  readonly ask: Approver
  /** A question that `approver` may answer, and its own asker may not. */
  readonly question: Question
  readonly approver: Identity
  /** Answers a pending request; may reject where that person may not. */
  readonly respond: (request: string, by: Identity, answer: 'grant' | 'deny') => Promise<unknown>
}

/**
 * What every approver must keep.
 *
 * @param make called once a law, so that no law sees another's requests.
 * @example
 * for (const law of approverLaws(() => approverUnderTest())) test(law.name, law.check)
 */
export const approverLaws = (make: () => Promise<ApproverUnderTest>): readonly Law[] => [
  law('who leaves withdraws', make, async (_, asked) => {
    asked.leave()
    expectThat((await asked.answer).kind === 'withdrawn', 'a request outlived its asker')
  }),
  law('a granted answer names the request and who granted it', make, async ({ respond, approver }, asked) => {
    await respond(asked.request, approver, 'grant')
    const answer = await asked.answer
    expectThat(answer.kind === 'granted' && answer.request === asked.request, 'a grant was not handed on')
    expectThat(
      answer.by.some(by => by.subject === approver.subject && by.issuer === approver.issuer),
      'nobody answers for the grant',
    )
  }),
  law('a denied request is denied', make, async ({ respond, approver }, asked) => {
    await respond(asked.request, approver, 'deny')
    expectThat((await asked.answer).kind === 'denied', 'a denial was not handed on')
  }),
  law('nobody grants their own request', make, async ({ respond, question }, asked) => {
    await respond(asked.request, question.principal, 'grant').catch(() => undefined)
    asked.leave()
    expectThat((await asked.answer).kind !== 'granted', 'an asker granted their own request')
  }),
  law('an answer after leaving grants nothing', make, async ({ respond, approver }, asked) => {
    asked.leave()
    await asked.answer
    await respond(asked.request, approver, 'grant').catch(() => undefined)
    expectThat((await asked.answer).kind === 'withdrawn', 'a withdrawn request was granted')
  }),
]

interface Asked {
  readonly request: string
  readonly answer: Promise<Answer>
  readonly leave: () => void
}

const law = (
  name: string,
  make: () => Promise<ApproverUnderTest>,
  holds: (subject: ApproverUnderTest, asked: Asked) => Promise<void>,
): Law => ({
  name,
  check: async () => {
    const subject = await make()
    await holds(subject, await askWith(subject))
  },
})

/** Asks, and waits until the request is pending. */
async function askWith({ ask, question }: ApproverUnderTest): Promise<Asked> {
  const leaving = new AbortController()
  let answer: Promise<Answer> | null = null
  const request = await new Promise<string>((resolve, reject) => {
    answer = ask(question, leaving.signal, pending => resolve(pending.request))
    answer.then(({ kind }) => reject(new Error(`answered ${kind} before anybody was asked`)), reject)
  })
  expectThat(answer !== null, 'no answer is under way')
  return { request, answer, leave: () => leaving.abort() }
}
