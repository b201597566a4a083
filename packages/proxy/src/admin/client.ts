import * as z from 'zod'
import { isThisHost } from '../loopback.ts'

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

const Listed = z.object({ approvals: z.array(Approval) })
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

/** @throws {AdminError} `BAD_URL` */
export function adminClient({ url, token }: { readonly url: string; readonly token: string }): AdminClient {
  const base = readBase(url)
  const ask = async <T>(expected: z.ZodType<T>, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(new URL(path, base), {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(10_000),
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new AdminError('UNREACHABLE', `no gateway answers at ${url}; is it running, and is --admin right?`)
    })
    const answer: unknown = await response.json().catch(() => null)
    if (response.ok) {
      const parsed = expected.safeParse(answer)
      if (parsed.success) return parsed.data
    } else {
      const problem = Problem.safeParse(answer)
      if (problem.success) throw new AdminError(problem.data.error.code, problem.data.error.message)
    }
    throw new AdminError('UNREACHABLE', `what answers at ${base.origin} is no gateway; is --admin right?`)
  }
  const path = (id: string): string => `/v1/approvals/${encodeURIComponent(id)}`
  return {
    list: async state => (await ask(Listed, `/v1/approvals?state=${encodeURIComponent(state)}`)).approvals,
    show: id => ask(Approval, path(id)),
    answer: (id, verb, reason) => ask(Approval, `${path(id)}/${verb}`, { reason }),
  }
}

function readBase(text: string): URL {
  const base = parseUrl(text)
  if (base === null || !/^https?:$/.test(base.protocol) || base.username !== '' || base.password !== '')
    throw new AdminError('BAD_URL', `--admin is no address, expected a URL such as http://127.0.0.1:6480`)
  // The token is the caller's whole identity: whoever reads it on the way can answer in their name.
  if (base.protocol === 'http:' && !isThisHost(base.hostname))
    throw new AdminError('BAD_URL', '--admin is on another host, expected https: your token would cross in the clear')
  return base
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}
