import type { Detector } from '@querywarden/policy-core'
import { awsKeyIdAt, awsSecretAfter } from './aws-key.ts'
import { creditCardAt } from './credit-card.ts'
import { emailEnd, emailStart } from './email.ts'
import { gcpKeyAt } from './gcp-key.ts'
import { githubTokenAt } from './github-token.ts'
import { ibanAt } from './iban.ts'
import { ipv4At, ipv6Around } from './ip-address.ts'
import { jwtAt } from './jwt.ts'
import { openaiKeyAt } from './openai-key.ts'
import { phoneAt } from './phone.ts'
import { privateKeyAt } from './private-key.ts'
import { slackTokenAt } from './slack-token.ts'
import { usSsnAt } from './us-ssn.ts'

/** A stretch of a text. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** What is looked for, and at which characters it is worth asking. */
export interface DetectorRule {
  readonly detector: Detector
  readonly signs: string
  /** The find that is noticed at `at`; nothing of it lies before `floor`. */
  readonly find: (text: string, at: number, floor: number) => Stretch | null
}

const DIGITS = '0123456789'
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** A find that begins where it is noticed. */
const from =
  (endAt: (text: string, at: number) => number): DetectorRule['find'] =>
  (text, at) => {
    const end = endAt(text, at)
    return end > at ? { start: at, end } : null
  }

/** Rules in the order they are asked in: the more specific first. */
export const RULES: readonly DetectorRule[] = [
  { detector: 'private-key', signs: '-', find: from(privateKeyAt) },
  { detector: 'jwt', signs: 'e', find: from(jwtAt) },
  { detector: 'aws-key', signs: 'A', find: from(awsKeyIdAt) },
  { detector: 'aws-key', signs: 'sS', find: awsSecretAfter },
  { detector: 'gcp-key', signs: 'AG', find: from(gcpKeyAt) },
  { detector: 'github-token', signs: 'g', find: from(githubTokenAt) },
  { detector: 'slack-token', signs: 'xh', find: from(slackTokenAt) },
  { detector: 'openai-key', signs: 's', find: from(openaiKeyAt) },
  { detector: 'iban', signs: LETTERS, find: from(ibanAt) },
  { detector: 'credit-card', signs: DIGITS, find: from(creditCardAt) },
  { detector: 'us-ssn', signs: DIGITS, find: from(usSsnAt) },
  { detector: 'ip-address', signs: DIGITS, find: from(ipv4At) },
  { detector: 'ip-address', signs: ':', find: ipv6Around },
  { detector: 'phone', signs: `${DIGITS}+(`, find: from(phoneAt) },
  { detector: 'email', signs: '@', find: emailAround },
]

function emailAround(text: string, at: number, floor: number): Stretch | null {
  const start = emailStart(text, at, floor)
  const end = start === at || isMasked(text, start, at) ? -1 : emailEnd(text, at)
  return end < 0 ? null : { start, end }
}

/** What the email mask leaves of an address, `q***@example.com`, is none any more. */
const isMasked = (text: string, start: number, at: number): boolean =>
  at - start <= MASKED_LOCAL_CHARS_MAX && text.slice(start, at).endsWith('***')
const MASKED_LOCAL_CHARS_MAX = 5
