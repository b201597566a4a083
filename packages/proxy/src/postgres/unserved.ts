import type { Cleared } from '@querywarden/policy-core'
import type { Report } from './error-response.ts'

/** What the policy allows and this conversation can't carry. Better refused than silently without effect. */
export function whyUnserved({ facts }: Pick<Cleared, 'facts'>): Report | null {
  if (facts.tag === 'LISTEN') {
    return {
      sqlstate: '0A000',
      message: 'statement refused: notifications are not passed on by this gateway, so LISTEN would wait for ever',
      hint: 'poll a table instead',
    }
  }
  return null
}
