import type { Clock, Pending } from '@querywarden/policy-core'
import type { Link } from '../link.ts'
import { noticeResponse } from './error-response.ts'

const TELL_EVERY_MS = 15_000

/** Tells the client what it waits for, at once and then now and then. Gives the function that stops it. */
export function tellPending({ request, expiresAt }: Pending, client: Link, clock: Clock): () => void {
  const tell = (): void => {
    const seconds = Math.max(0, Math.round((expiresAt - clock.now()) / 1000))
    client.write(
      noticeResponse({
        sqlstate: '00000',
        message: `waiting for approval: request ${request}, ${seconds} s left`,
        detail: JSON.stringify({
          querywarden: 1,
          state: 'pending',
          request,
          expires: new Date(expiresAt).toISOString(),
        }),
        hint: `an approver answers with: querywarden approvals approve ${request}`,
      }),
    )
  }
  tell()
  const timer = setInterval(tell, TELL_EVERY_MS)
  return () => clearInterval(timer)
}
