import {
  type Claim,
  type ClaimValue,
  type Identity,
  type Instant,
  type Principal,
  readInstant,
} from '@querywarden/policy-core'
import { CommandError, EXIT } from './exit.ts'

/** Who asks, as options say it. */
export interface AskerOptions {
  /** `subject` or `subject@issuer`. */
  readonly as?: string
  readonly subject: string
  readonly issuer: string
  readonly group: readonly string[]
  /** The agent that acts for them. */
  readonly actor?: string
  readonly actorGroup: readonly string[]
  readonly claim: readonly string[]
  /** ISO 8601. */
  readonly at?: string
  readonly inTransaction?: boolean
}

/** The principal that options describe. @throws {CommandError} */
export function askerOf(options: AskerOptions): Principal {
  const { subject, issuer } = options.as === undefined ? options : identityIn(options.as, options.issuer)
  if (options.actor === undefined && options.actorGroup.length > 0)
    throw new CommandError(
      EXIT.misuse,
      '--actor-group says something of the agent that --actor names, and there is none',
    )
  const actor: Identity | null =
    options.actor === undefined ? null : { ...identityIn(options.actor, issuer), groups: options.actorGroup }
  return {
    issuer,
    subject,
    groups: options.group,
    actor,
    expiresAt: Number.POSITIVE_INFINITY,
    credentialDigest: null,
    claims: claimsIn(options.claim),
  }
}

/** The moment that a statement would come at. @throws {CommandError} */
export function momentOf({ at }: Pick<AskerOptions, 'at'>): () => Instant {
  if (at === undefined) return Date.now
  const instant = readInstant(at)
  if (instant === null)
    throw new CommandError(EXIT.misuse, '--at takes a time with its zone, such as 2027-03-01T09:30:00Z')
  return () => instant
}

/** What is behind the last `@` is the issuer: a subject may be an e-mail address, and is then written with its issuer. */
export function identityIn(text: string, issuer: string): Pick<Identity, 'issuer' | 'subject'> {
  const at = text.lastIndexOf('@')
  return at <= 0 ? { subject: text, issuer } : { subject: text.slice(0, at), issuer: text.slice(at + 1) }
}

/** `name=value`; a value that reads as a number, true or false is one. The same name again adds a value. */
function claimsIn(given: readonly string[]): readonly Claim[] {
  const claims = new Map<string, ClaimValue[]>()
  for (const text of given) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (name === undefined || value === undefined)
      throw new CommandError(EXIT.misuse, '--claim takes name=value, such as --claim env=staging')
    claims.set(name, [...(claims.get(name) ?? []), claimValue(value)])
  }
  return [...claims].map(([name, values]) => ({ name, values }))
}

function claimValue(text: string): ClaimValue {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}
