import type { Refusal } from '../decision.ts'
import type { Answer, Approver, Pending, Question } from '../hooks.ts'

/** What a person's answer, or its absence, makes of a statement. */
export type Settlement =
  | { readonly kind: 'granted'; readonly request: string; readonly answer: Extract<Answer, { kind: 'granted' }> }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly answer: Answer | null }

/** Waits for a person: the only wait of the pipeline that isn't the database's or the disk's. */
export async function settle(
  approve: Approver,
  question: Question,
  signal: AbortSignal,
  onPending: (pending: Pending) => void,
): Promise<Settlement> {
  const answer = await ask(approve, question, signal, onPending)
  if (answer === null) return { kind: 'refused', refusal: APPROVER_FAILED, answer }
  switch (answer.kind) {
    case 'granted':
      return { kind: 'granted', request: answer.request, answer }
    case 'denied':
      return {
        kind: 'refused',
        answer,
        refusal: refusalOf(
          'APPROVAL_DENIED',
          answer.request,
          deniedBy(answer),
          'ask the approver, or change the statement',
        ),
      }
    case 'expired':
      return {
        kind: 'refused',
        answer,
        refusal: refusalOf(
          'APPROVAL_EXPIRED',
          answer.request,
          `nobody answered request ${answer.request} in time`,
          'send the statement again when an approver is there',
        ),
      }
    case 'withdrawn':
      return {
        kind: 'refused',
        answer,
        refusal: refusalOf(
          'APPROVAL_WITHDRAWN',
          answer.request,
          `request ${answer.request} was withdrawn before it was answered`,
          'send the statement again to ask anew',
        ),
      }
  }
}

/** Design section 8: reasons both ways. The approver's is theirs to word; it is bounded where it is given. */
const deniedBy = ({ request, by, reason }: Extract<Answer, { kind: 'denied' }>): string =>
  `request ${request} was denied by ${by.map(({ subject }) => subject).join(', ') || 'the approver'}${reason === '' ? '' : `: ${reason}`}`

async function ask(
  approve: Approver,
  question: Question,
  signal: AbortSignal,
  onPending: (pending: Pending) => void,
): Promise<Answer | null> {
  try {
    return await approve(question, signal, onPending)
  } catch {
    // An approver that fails has not approved. Its error may hold anything, so it is not passed on.
    return null
  }
}

const refusalOf = (code: Refusal['code'], request: string | null, what: string, hint: string): Refusal => ({
  code,
  rule: null,
  message: `statement refused: ${what}`,
  hint,
  place: null,
  request,
})

const APPROVER_FAILED = refusalOf(
  'APPROVER_FAILED',
  null,
  'it needs an approval, and approvals are not available now',
  'try again later; nothing was run',
)
