import { createHash } from 'node:crypto'
import { type Identity, identityKey } from '@querywarden/policy-core'
import { IdentityError } from './identity-error.ts'
import { isJsonObject, type JsonObject, member } from './strict-json.ts'

/** Where in the payload things are. A path's parts are names of nested objects; dots in a name mean nothing. */
export interface ClaimPaths {
  readonly groups: readonly string[]
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

/** The person or machine that the token is about. */
export function readIdentity(payload: JsonObject, issuer: string, paths: ClaimPaths): Identity {
  return { issuer, subject: readName(payload, 'sub'), groups: readGroups(payload, paths.groups) }
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
  return { ...actor, groups: actors.get(identityKey(actor)) ?? readGroups(act, paths.groups) }
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
  // Where an issuer puts too many groups elsewhere (OpenID Connect Core 1.0, section 5.6.2), taking none for the answer
  // would silently lift every denial that names one.
  const elsewhere = member(object, '_claim_names')
  if (isJsonObject(elsewhere) && path[0] !== undefined && member(elsewhere, path[0]) !== undefined) {
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

const invalid = (name: string, expected: string): IdentityError =>
  new IdentityError('CLAIM_INVALID', `claim \`${name}\` is not what was expected: ${expected}`)
