import { createHash } from 'node:crypto'
import { type Claim, type ClaimValue, type Identity, identityKey } from '@querywarden/policy-core'
import { IdentityError } from './identity-error.ts'
import { isJsonObject, type JsonObject, member } from './strict-json.ts'

/** Where in the payload things are. A path's parts are names of nested objects; dots in a name mean nothing. */
export interface ClaimPaths {
  readonly groups: readonly string[]
  /** Names of claims that are kept for rules to ask for. */
  readonly kept: readonly string[]
}

/** An agent that may act for people, with groups given here, not by the issuer. */
export interface KnownActor {
  /** Default: the token's issuer. */
  readonly issuer?: string
  readonly subject: string
  readonly groups: readonly string[]
}

const NAME_CHARS_MAX = 255
const GROUPS_MAX = 1_000
const KEPT_MAX = 32
const CLAIM_VALUES_MAX = 100

/** The person or machine that the token is about. */
export function readIdentity(payload: JsonObject, issuer: string, paths: ClaimPaths): Identity {
  return {
    issuer,
    subject: readName(payload, 'sub'),
    groups: readGroups(payload, paths.groups),
    ...keptClaims(payload, paths.kept),
  }
}

/**
 * The agent in the `act` claim (RFC 8693 section 4.1), or null. Only the outermost counts; those nested in it are
 * history. Its groups are those of `actors`, else those at the groups' path within `act`, else none: and an agent without
 * groups may do nothing that a group is asked for, since the rights of both must allow it.
 */
export function readActor(
  payload: JsonObject,
  issuer: string,
  paths: ClaimPaths,
  actors: ReadonlyMap<string, readonly string[]>,
): Identity | null {
  const act = member(payload, 'act')
  if (act === undefined) return null
  if (!isJsonObject(act)) throw invalid('act', 'an object')
  const actor = {
    issuer: member(act, 'iss') === undefined ? issuer : readName(act, 'iss'),
    subject: readName(act, 'sub'),
  }
  const groups = actors.get(identityKey(actor)) ?? readGroups(act, paths.groups)
  return { ...actor, groups, ...keptClaims(act, paths.kept) }
}

/** The groups of known actors by {@link identityKey}. */
export const actorGroups = (actors: readonly KnownActor[], issuer: string): ReadonlyMap<string, readonly string[]> =>
  new Map(actors.map(actor => [identityKey({ issuer, ...actor }), actor.groups]))

/** A digest of the token's id within its issuer, or of what was signed where it has none. */
export function digestOf(payload: JsonObject, issuer: string, signingInput: string): string {
  const jti = member(payload, 'jti')
  const id = jti === undefined ? signingInput : JSON.stringify([issuer, readName(payload, 'jti')])
  return createHash('sha256').update(id).digest('hex')
}

function readName(object: JsonObject, name: string): string {
  const value = member(object, name)
  if (isName(value)) return value
  throw invalid(name, `a string of 1 to ${NAME_CHARS_MAX} characters without control characters`)
}

/** Names end up in logs, recordings and on approvers' screens, where control characters and line ends could forge entries. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value.length <= NAME_CHARS_MAX &&
  !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)

function readGroups(object: JsonObject, path: readonly string[]): readonly string[] {
  if (path[0] !== undefined && isElsewhere(object, path[0])) {
    throw new IdentityError('CLAIM_INVALID', 'token has more groups than fit in it: have the issuer send only some')
  }
  let found: unknown = object
  for (const name of path) {
    if (found === undefined) break
    if (!isJsonObject(found)) throw invalid(path.join(' → '), 'an object on the way to the groups')
    found = member(found, name)
  }
  if (found === undefined) return []
  if (Array.isArray(found) && found.length <= GROUPS_MAX && found.every(isName)) return [...new Set(found)]
  throw invalid(path.join(' → '), `a list of at most ${GROUPS_MAX} names`)
}

/**
 * Whether an issuer put a claim elsewhere (OpenID Connect Core 1.0, section 5.6.2): taking none for the answer would
 * silently lift every denial that asks for it.
 */
function isElsewhere(object: JsonObject, name: string): boolean {
  const elsewhere = member(object, '_claim_names')
  return isJsonObject(elsewhere) && member(elsewhere, name) !== undefined
}

const keptClaims = (object: JsonObject, names: readonly string[]): Pick<Identity, 'claims'> =>
  names.length === 0 ? {} : { claims: readClaims(object, names) }

/**
 * The claims of these names that a token has. One that is no plain value and no list of them makes the token unfit: rules
 * that deny by it would otherwise not see it.
 */
function readClaims(object: JsonObject, names: readonly string[]): readonly Claim[] {
  return names.flatMap((name): Claim[] => {
    if (isElsewhere(object, name)) throw invalid(name, 'a value in the token itself')
    const found = member(object, name)
    if (found === undefined) return []
    const values: readonly unknown[] = Array.isArray(found) ? found : [found]
    if (values.length > CLAIM_VALUES_MAX || !values.every(isClaimValue))
      throw invalid(name, `a name, a number, true or false, or a list of at most ${CLAIM_VALUES_MAX} of them`)
    return [{ name, values: [...new Set(values)] }]
  })
}

const isClaimValue = (value: unknown): value is ClaimValue =>
  isName(value) || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))

/** Claims that say who or what a token is, and would be kept as if they said something of whoever asks. */
const NOT_KEPT: ReadonlySet<string> = new Set(['jti', 'nonce', 'at_hash', 'c_hash', 's_hash', 'cnf', 'sid', 'act'])

/** @throws IdentityError `CONFIG_INVALID`. */
export function checkKeptClaims(names: readonly string[]): void {
  const unfit = names.find(name => !isName(name) || NOT_KEPT.has(name))
  if (unfit !== undefined)
    throw new IdentityError('CONFIG_INVALID', `claims.keep must not name ${[...NOT_KEPT].join(', ')}`)
  if (names.length > KEPT_MAX || new Set(names).size !== names.length)
    throw new IdentityError('CONFIG_INVALID', `claims.keep must name at most ${KEPT_MAX} claims, each once`)
}

const invalid = (name: string, expected: string): IdentityError =>
  new IdentityError('CLAIM_INVALID', `claim \`${name}\` is not what was expected: ${expected}`)
