import type { Detector } from '@querywarden/policy-core'
import { ALPHANUMERIC, BASE64, BASE64URL, type Choices, DIGITS, HEX, LOWER, type Seeded, UPPER } from './seeded.ts'

/** Makes one value that a detector must find. Made, not gathered: by seed, with valid check digits, from ranges for tests. */
export const POSITIVES: Readonly<Record<Detector, (random: Seeded) => string>> = {
  'credit-card': card,
  'us-ssn': ({ pick, below, digits }) => {
    const separator = pick(['-', '-', '-', ' '])
    // Areas that had never been assigned when numbers began to be drawn at random (SSA, 2011).
    return [734 + below(16), `${1 + below(9)}${1 + below(9)}`, `${1 + below(9)}${digits(3)}`].join(separator)
  },
  email: random => `${localPart(random)}@${random.pick(DOMAINS)}`,
  iban,
  phone,
  jwt,
  // Identifiers of AWS's own documentation end in EXAMPLE.
  'aws-key': ({ pick, of }) => `${pick(['AKIA', 'ASIA', 'ABIA', 'ACCA'])}${of(`${UPPER}234567`, 9)}EXAMPLE`,
  'gcp-key': ({ pick, of }) => pick([`AIza${of(BASE64URL, 34)}Q`, `GOCSPX-${of(BASE64URL, 27)}Q`]),
  'github-token': ({ pick, of }) =>
    pick([
      `${pick(['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'])}${of(ALPHANUMERIC, 36)}`,
      `github_pat_${of(ALPHANUMERIC, 22)}_${of(ALPHANUMERIC, 59)}`,
    ]),
  'slack-token': ({ pick, of, digits }) =>
    pick([
      `xoxb-${digits(12)}-${digits(13)}-${of(ALPHANUMERIC, 24)}`,
      `xoxp-${digits(12)}-${digits(12)}-${digits(13)}-${of(HEX, 32)}`,
      `xoxe.xoxp-1-${of(ALPHANUMERIC, 90)}`,
      `xapp-1-A${of(UPPER + DIGITS, 10)}-${digits(13)}-${of(HEX, 64)}`,
      `hooks.slack.com/services/T${of(UPPER + DIGITS, 8)}/B${of(UPPER + DIGITS, 10)}/${of(ALPHANUMERIC, 24)}`,
    ]),
  'openai-key': ({ pick, of }) =>
    pick([
      `sk-${of(ALPHANUMERIC, 20)}T3BlbkFJ${of(ALPHANUMERIC, 20)}`,
      `sk-proj-${of(BASE64URL, 70)}4T3BlbkFJ${of(BASE64URL, 70)}A`,
      `sk-svcacct-${of(BASE64URL, 60)}1A`,
      `sk-ant-api03-${of(BASE64URL, 92)}4A`,
      `sk-or-v1-${of(HEX, 64)}`,
      `sk-${of(HEX, 32)}`,
    ]),
  'private-key': privateKey,
  'ip-address': ({ pick, below, of }) =>
    pick([
      // Addresses for documentation (RFC 5737, RFC 3849).
      `${pick(['192.0.2', '198.51.100', '203.0.113'])}.${below(256)}`,
      `2001:db8::${of(HEX, 4)}`,
      `2001:db8:${of(HEX, 4)}:${of(HEX, 2)}::${of(HEX, 3)}:${of(HEX, 1)}`,
      `2001:0db8:${Array.from({ length: 6 }, () => of(HEX, 4)).join(':')}`,
      `::ffff:198.51.100.${below(256)}`,
    ]),
}

/** Beginnings that the networks publish for tests, with the length of the number. */
const CARD_STARTS: Choices<readonly [start: string, length: number]> = [
  ['411111', 16],
  ['400000', 16],
  ['555555', 16],
  ['222300', 16],
  ['378282', 15],
  ['371449', 15],
  ['305693', 14],
  ['601111', 16],
  ['353011', 16],
  ['620000', 16],
]

function card({ pick, digits }: Seeded): string {
  const [start, length] = pick(CARD_STARTS)
  const body = start + digits(length - start.length - 1)
  const number = body + luhnDigit(body)
  const separator = pick(['', '', ' ', '-'])
  if (separator === '') return number
  const groups =
    length === 16 ? /^(.{4})(.{4})(.{4})(.+)$/ : length === 15 ? /^(.{4})(.{6})(.+)$/ : /^(.{4})(.{6})(.+)$/
  return number.replace(groups, (_, ...parts: string[]) => parts.slice(0, length === 16 ? 4 : 3).join(separator))
}

/** The digit that makes a number pass the Luhn formula. */
export function luhnDigit(body: string): number {
  const sum = Array.from(body)
    .reverse()
    .reduce((total, digit, index) => {
      const doubled = Number(digit) * (index % 2 === 0 ? 2 : 1)
      return total + (doubled > 9 ? doubled - 9 : doubled)
    }, 0)
  return (10 - (sum % 10)) % 10
}

/** Domains and top-level domains that are nobody's (RFC 2606). */
const DOMAINS = [
  'example.com',
  'example.org',
  'mail.example.net',
  'shop.example',
  'intern.test',
  'büro.example',
] as const
const NAMES = [
  'quentin',
  'maria.lopez',
  'j.doe',
  'søren',
  "o'brien",
  'anna-lena',
  'x',
  'info',
  'first.last+tag',
  'li_wei',
  'r2d2',
] as const

const localPart = ({ pick, below }: Seeded): string => `${pick(NAMES)}${pick(['', '', `${below(1000)}`])}`

/** Countries with the form of their account numbers: `n` a digit, `a` a capital letter (registry of ISO 13616). */
const IBAN_FORMS: Choices<readonly [country: string, form: string]> = [
  ['DE', `00000000${'n'.repeat(10)}`],
  ['GB', `TEST${'n'.repeat(14)}`],
  ['FR', `00000${'n'.repeat(18)}`],
  ['NL', `TEST${'n'.repeat(10)}`],
  ['ES', 'n'.repeat(20)],
  ['IT', `a00000${'n'.repeat(17)}`],
  ['CH', `00000${'n'.repeat(12)}`],
  ['PL', 'n'.repeat(24)],
  ['SE', 'n'.repeat(20)],
  ['NO', 'n'.repeat(11)],
]

function iban({ pick, digits, of }: Seeded): string {
  const [country, form] = pick(IBAN_FORMS)
  const account = form.replace(/n/g, () => digits(1)).replace(/a/g, () => of(UPPER, 1))
  const number = country + ibanDigits(country, account) + account
  return pick([number, number, number.replace(/(.{4})(?=.)/g, '$1 '), number.toLowerCase()])
}

function ibanDigits(country: string, account: string): string {
  const spelled = `${account}${country}00`.replace(/[A-Z]/g, letter => String(letter.charCodeAt(0) - 55))
  return String(98n - (BigInt(spelled) % 97n)).padStart(2, '0')
}

/** Numbers for fiction: NANP 555-01xx, Ofcom, Bundesnetzagentur, ARCEP, ACMA. */
function phone({ pick, digits }: Seeded): string {
  return pick([
    `(${pick(['212', '415', '650'])}) 555-01${digits(2)}`,
    `${pick(['212', '415', '650'])}-555-01${digits(2)}`,
    `${pick(['212', '415', '650'])}.555.01${digits(2)}`,
    `1-${pick(['212', '415', '650'])}-555-01${digits(2)}`,
    `+1 ${pick(['212', '415', '650'])} 555 01${digits(2)}`,
    `+1415555${`01${digits(2)}`}`,
    `+44 20 7946 0${digits(3)}`,
    `+447700900${digits(3)}`,
    `+49 30 23125 ${digits(3)}`,
    `+49 (0)30 23125-${digits(3)}`,
    `+33 1 99 00 ${digits(2)} ${digits(2)}`,
    `+61 2 5550 ${digits(4)}`,
  ])
}

function jwt({ pick, of, digits }: Seeded): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = part(
    pick<object>([
      { alg: 'HS256', typ: 'JWT' },
      { typ: 'JWT', alg: 'RS256', kid: of(HEX, 8) },
      { alg: 'ES256' },
      { kid: of(ALPHANUMERIC, 20), alg: 'EdDSA' },
    ]),
  )
  const claims = part({ sub: of(LOWER, 8), iat: Number(`17${digits(8)}`), scope: 'read write' })
  return `${header}.${claims}.${of(BASE64URL, 42)}A`
}

function privateKey({ pick, of }: Seeded): string {
  const label = pick([
    'PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
  ])
  const lineBreak = pick(['\n', '\r\n', '\\n'])
  const lines = Array.from({ length: pick([2, 4, 25]) }, () => of(BASE64, 64))
  return [`-----BEGIN ${label}-----`, ...lines, `${of(BASE64, 30)}==`, `-----END ${label}-----`].join(lineBreak)
}
