import * as z from 'zod'

/** An approval request as the admin API gives it. */
export interface ShownApproval {
  readonly request: string
  readonly state: string
  readonly sql: string
  readonly asker: string
  readonly target: string
  readonly rules: readonly string[]
  readonly expiresAt: number
  /** All of it, for a terminal. */
  readonly text: string
}

const Approval: z.ZodType<ShownApproval> = z.object({
  request: z.string(),
  state: z.string(),
  sql: z.string(),
  asker: z.string(),
  target: z.string(),
  rules: z.array(z.string()),
  expiresAt: z.number(),
  text: z.string(),
})

const Problem = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/** Why the admin API gave no answer, or a no. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The admin API as functions. Every one throws {@link AdminError}. */
export interface AdminClient {
  readonly list: (state: string) => Promise<readonly ShownApproval[]>
  readonly show: (id: string) => Promise<ShownApproval>
  readonly answer: (id: string, verb: 'approve' | 'deny', reason: string) => Promise<ShownApproval>
}

export function adminClient({ url, token }: { readonly url: string; readonly token: string }): AdminClient {
  const ask = async (path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(new URL(path, url), {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(10_000),
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new AdminError('UNREACHABLE', `no gateway answers at ${url}; is it running, and is --admin right?`)
    })
    const answer: unknown = await response.json().catch(() => null)
    if (response.ok) return answer
    const problem = Problem.safeParse(answer)
    throw problem.success
      ? new AdminError(problem.data.error.code, problem.data.error.message)
      : new AdminError('UNEXPECTED', `the gateway answered with status ${response.status}`)
  }
  const path = (id: string): string => `/v1/approvals/${encodeURIComponent(id)}`
  return {
    list: async state =>
      z.object({ approvals: z.array(Approval) }).parse(await ask(`/v1/approvals?state=${encodeURIComponent(state)}`))
        .approvals,
    show: async id => Approval.parse(await ask(path(id))),
    answer: async (id, verb, reason) => Approval.parse(await ask(`${path(id)}/${verb}`, { reason })),
  }
}
