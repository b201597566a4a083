import {
  APPROVAL_STATES,
  ApprovalError,
  type ApprovalRequest,
  type ApprovalState,
  type ApprovalStore,
  answerRequest,
  plainText,
  renderForApprover,
} from '@querywarden/approvals'
import { IdentityError, type IdentityErrorCode } from '@querywarden/identity'
import { isSameIdentity, type Principal, type Verifier } from '@querywarden/policy-core'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as z from 'zod'

/** What the admin API serves. */
export interface AdminParts {
  readonly store: ApprovalStore
  readonly verify: Verifier
  readonly now: () => number
  /** Routes that need no token. */
  readonly health: Hono
  /** The caller's address, from the socket. */
  readonly remoteAddress: (context: Context) => string
  /** Told of what was not foreseen; the caller is told only that it failed. */
  readonly onFailure: (error: Error) => void
}

const BODY_BYTES_MAX = 16_384
const Answer = z.strictObject({ reason: z.string().max(2_000).default('') })
type Env = { Variables: { caller: Principal } }

/** The admin API: approvals by bearer token, and health for whoever watches. No cookies, so no cross-site requests. */
export function adminApp(parts: AdminParts): Hono<Env> {
  const app = new Hono<Env>()
  app.route('/', parts.health)
  app.use(async (context, next) => {
    await next()
    context.header('cache-control', 'no-store')
    context.header('x-content-type-options', 'nosniff')
  })
  app.use(
    '/v1/*',
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: context => context.json(problem('TOO_LARGE', `a body has at most ${BODY_BYTES_MAX} bytes`), 413),
    }),
  )
  app.use('/v1/*', authenticate(parts))
  app.get('/v1/approvals', async context => {
    const state = readState(context.req.query('state') ?? 'pending')
    if (state === null)
      return context.json(problem('BAD_REQUEST', `\`state\` must be one of ${APPROVAL_STATES.join(', ')} or all`), 400)
    const requests = await parts.store.list(state)
    return context.json({ approvals: requests.filter(request => concerns(request, context.get('caller'))).map(shown) })
  })
  app.get('/v1/approvals/:id', async context => {
    const request = await find(parts.store, context.req.param('id'), context.get('caller'))
    return request === null ? context.json(NOT_FOUND, 404) : context.json(shown(request))
  })
  app.post('/v1/approvals/:id/:verb{approve|deny}', context => answer(parts.store, context))
  app.notFound(context => context.json(problem('NOT_FOUND', 'there is nothing here'), 404))
  app.onError((error, context) => {
    parts.onFailure(error)
    return context.json(problem('INTERNAL', 'the request failed; see the log of the gateway'), 500)
  })
  return app
}

/** Lets nobody past whose token isn't good, and says why it isn't. */
const authenticate =
  (parts: AdminParts): MiddlewareHandler<Env> =>
  async (context, next) => {
    const refuse = (message: string): Response => context.json(problem('UNAUTHENTICATED', message), 401)
    const token = /^Bearer ([\x21-\x7e]+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
    if (token === undefined) return refuse('send your token as `Authorization: Bearer …`')
    try {
      const credential = { kind: 'bearer', token, remoteAddress: parts.remoteAddress(context) } as const
      context.set('caller', await parts.verify(credential, parts.now()))
    } catch (error) {
      if (error instanceof IdentityError && IS_ABOUT_TOKEN[error.code]) return refuse(error.message)
      parts.onFailure(error instanceof Error ? error : new Error('a verifier threw what is no error'))
      return context.json(problem('UNAVAILABLE', 'tokens can not be verified now; see the log of the gateway'), 503)
    }
    return next()
  }

/** Whether a failure is the token's, so that its owner may read why. The others tell of the gateway and its issuers. */
const IS_ABOUT_TOKEN: Readonly<Record<IdentityErrorCode, boolean>> = {
  CONFIG_INVALID: false,
  TOKEN_TOO_LARGE: true,
  TOKEN_MALFORMED: true,
  HEADER_REFUSED: true,
  ALGORITHM_REFUSED: true,
  UNKNOWN_ISSUER: true,
  KEY_UNKNOWN: true,
  KEYS_UNAVAILABLE: false,
  BAD_SIGNATURE: true,
  WRONG_AUDIENCE: true,
  WRONG_TOKEN_TYPE: true,
  WRONG_PARTY: true,
  TOKEN_EXPIRED: true,
  TOKEN_NOT_YET_VALID: true,
  BINDING_UNSUPPORTED: true,
  CLAIM_INVALID: true,
  UNKNOWN_TOKEN: true,
  NOT_LOOPBACK: true,
}

async function answer(store: ApprovalStore, context: Context<Env>): Promise<Response> {
  // A page elsewhere can post forms and plain text without asking; JSON it can't (fetch.spec.whatwg.org, CORS-safelisted).
  if (!/^application\/json\s*(;|$)/i.test(context.req.header('content-type') ?? ''))
    return context.json(problem('UNSUPPORTED_MEDIA_TYPE', 'send the answer as `Content-Type: application/json`'), 415)
  const body = Answer.safeParse(await context.req.json().catch(() => null))
  if (!body.success)
    return context.json(
      problem('BAD_REQUEST', 'expected a JSON object with a `reason` of at most 2000 characters'),
      400,
    )
  const approver = context.get('caller')
  const request = await find(store, context.req.param('id') ?? '', approver)
  if (request === null) return context.json(NOT_FOUND, 404)
  try {
    const verb = context.req.param('verb') === 'approve' ? 'granted' : 'denied'
    const { reason } = body.data
    return context.json(shown(await answerRequest(store, { request: request.id, approver, answer: verb, reason })))
  } catch (error) {
    if (!(error instanceof ApprovalError)) throw error
    return context.json(problem(error.code, error.message), statusOf(error.code))
  }
}

/** A request by its id, or by a beginning of it that no other has. What doesn't concern the caller isn't there. */
async function find(store: ApprovalStore, id: string, caller: Principal): Promise<ApprovalRequest | null> {
  const visible = (await store.list(APPROVAL_STATES)).filter(
    request => request.id.startsWith(id) && concerns(request, caller),
  )
  return (
    visible.find(request => request.id === id) ??
    (visible.length === 1 && id.length >= PREFIX_CHARS_MIN ? (visible[0] ?? null) : null)
  )
}

const PREFIX_CHARS_MIN = 8

/**
 * Who asked, and who is in a group that may answer. Statements can hold secrets; nobody else sees them. An agent can't
 * answer, so of a person's groups it gets nothing: it sees what it asked for that person itself.
 */
function concerns({ question: { principal, terms } }: ApprovalRequest, caller: Principal): boolean {
  if (caller.actor !== null) {
    const isSameAgent = principal.actor !== null && isSameIdentity(principal.actor, caller.actor)
    return isSameAgent && isSameIdentity(principal, caller)
  }
  return (
    isSameIdentity(principal, caller) ||
    terms.approverGroups.some(groups => groups.some(group => caller.groups.includes(group)))
  )
}

const shown = (request: ApprovalRequest) => {
  const rendered = renderForApprover(request)
  return {
    ...rendered,
    request: request.id,
    state: request.state,
    createdAt: request.createdAt,
    text: plainText(rendered),
  }
}

const readState = (text: string): readonly ApprovalState[] | null => {
  if (text === 'all') return APPROVAL_STATES
  const state = APPROVAL_STATES.find(known => known === text)
  return state === undefined ? null : [state]
}

const problem = (code: string, message: string) => ({ error: { code, message } })
const NOT_FOUND = problem('NOT_FOUND', 'there is no such request, or it is none of yours')

function statusOf(code: ApprovalError['code']): 400 | 403 | 404 | 409 {
  switch (code) {
    case 'NOT_FOUND':
      return 404
    case 'SELF_APPROVAL':
    case 'NOT_AN_APPROVER':
    case 'NOT_A_PERSON':
      return 403
    case 'REASON_INVALID':
      return 400
    default:
      return 409
  }
}
