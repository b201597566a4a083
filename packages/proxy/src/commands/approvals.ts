import { type AdminClient, AdminError, adminClient, type ShownApproval } from '../admin/client.ts'
import { CommandError, EXIT } from './exit.ts'
import { show, type Terminal, table } from './terminal.ts'
import { readToken, type TokenOptions } from './token-option.ts'

/** How the approvals commands reach the gateway, and as whom. */
export interface ApprovalsOptions extends TokenOptions {
  readonly admin: string
}

export async function approvalsList(
  terminal: Terminal,
  options: ApprovalsOptions & { readonly state: string },
): Promise<number> {
  const approvals = await withAdmin(options, admin => admin.list(options.state))
  show(terminal, approvals, all =>
    all.length === 0
      ? [`no ${options.state === 'all' ? '' : `${options.state} `}requests that concern you`]
      : table(HEAD, all.map(rowOf)),
  )
  return EXIT.ok
}

export async function approvalsShow(terminal: Terminal, id: string, options: ApprovalsOptions): Promise<number> {
  const approval = await withAdmin(options, admin => admin.show(id))
  show(terminal, approval, one => [one.text.trimEnd(), `state           ${one.state}`])
  return EXIT.ok
}

export async function approvalsAnswer(
  terminal: Terminal,
  verb: 'approve' | 'deny',
  id: string,
  options: ApprovalsOptions & { readonly reason: string },
): Promise<number> {
  const approval = await withAdmin(options, admin => admin.answer(id, verb, options.reason))
  show(terminal, approval, one => [`${verb === 'approve' ? 'approved' : 'denied'} ${one.request}: ${one.sql}`])
  return EXIT.ok
}

async function withAdmin<T>(options: ApprovalsOptions, ask: (admin: AdminClient) => Promise<T>): Promise<T> {
  try {
    return await ask(adminClient({ url: options.admin, token: readToken(options) }))
  } catch (error) {
    // A gateway that says no is a finding; one that isn't there is a wrong --admin.
    if (error instanceof AdminError)
      throw new CommandError(MISUSES.has(error.code) ? EXIT.misuse : EXIT.finding, error.message)
    throw error
  }
}

const MISUSES: ReadonlySet<string> = new Set(['UNREACHABLE', 'BAD_URL'])

const HEAD = ['REQUEST', 'STATE', 'ASKED BY', 'TARGET', 'EXPIRES', 'STATEMENT']

const rowOf = ({ request, state, asker, target, expiresAt, sql }: ShownApproval): readonly string[] => [
  request,
  state,
  asker.split(' ').at(-1) ?? asker,
  target,
  new Date(expiresAt).toISOString().slice(11, 19),
  sql.length > STATEMENT_CHARS ? `${sql.slice(0, STATEMENT_CHARS)}… (show it whole: approvals show)` : sql,
]

const STATEMENT_CHARS = 80
