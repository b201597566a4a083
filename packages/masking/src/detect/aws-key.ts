import { isWordEnd, isWordStart } from './ascii.ts'

/** Access keys, temporary ones, bearer tokens and context-specific credentials: see the IAM guide below. */
const ID = /(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}/y
/** An identifier, and the secret right behind it, as in the file that the console gives. */
const PAIRED = /[\s,;:|"'\\/=]{1,6}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/y
/** A secret is forty signs of base64, which much else is, too: it counts where it is called a secret. */
const CALLED_SECRET =
  /(?:secret|Secret|SECRET)[A-Za-z_ .-]{0,24}[\s"'`\\:=>,]{1,8}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/y
const WHOLE_SECRET = /^\s{0,8}([A-Za-z0-9/+]{40})\s{0,8}$/
const SECRET_CHARS = 40

/**
 * The end of an AWS access key identifier that begins at `at`, or -1; a secret key behind it is part of the find. Source:
 * IAM User Guide, "IAM identifiers", unique ID prefixes; identifiers are base32.
 */
export function awsKeyIdAt(text: string, at: number): number {
  if (!isWordStart(text, at)) return -1
  ID.lastIndex = at
  if (!ID.test(text)) return -1
  const end = ID.lastIndex
  if (!isWordEnd(text, end)) return -1
  PAIRED.lastIndex = end
  const secret = PAIRED.exec(text)?.[1]
  return secret !== undefined && isRandom(secret) ? PAIRED.lastIndex : end
}

/** The secret key that a `secret…` at `at` is the name of, as start and end, or null. */
export function awsSecretAfter(text: string, at: number): { readonly start: number; readonly end: number } | null {
  CALLED_SECRET.lastIndex = at
  const secret = CALLED_SECRET.exec(text)?.[1]
  if (secret === undefined || !isRandom(secret)) return null
  return { start: CALLED_SECRET.lastIndex - SECRET_CHARS, end: CALLED_SECRET.lastIndex }
}

/** Whether a text is a secret key, where `name` is what it is called: the key of a JSON member. */
export function isAwsSecret(text: string, name: string): boolean {
  const secret = /secret/i.test(name) ? WHOLE_SECRET.exec(text)?.[1] : undefined
  return secret !== undefined && isRandom(secret)
}

/** Digests in hex, paths and words have letters of one case only, or no digit. */
const isRandom = (secret: string): boolean => /[A-Z]/.test(secret) && /[a-z]/.test(secret) && /[0-9/+]/.test(secret)
