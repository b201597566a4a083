import type { Cleared } from '@querywarden/policy-core'
import type { Report } from './error-response.ts'

/** What the policy allows and this conversation can't carry. Better refused than silently without effect. */
export function whyUnserved({ facts }: Cleared, protocol: 'query' | 'extended'): Report | null {
  if (facts.tag === 'LISTEN') {
    return {
      sqlstate: '0A000',
      message: 'statement refused: notifications are not passed on by this gateway, so LISTEN would wait for ever',
      hint: 'poll a table instead',
    }
  }
  if (facts.copy === 'in' && protocol === 'extended') {
    return {
      sqlstate: '0A000',
      message: 'statement refused: COPY FROM STDIN runs in the simple protocol only here',
      hint: 'send it as a simple query',
    }
  }
  return null
}
