import {
  issuesOf,
  knownKeys,
  PolicyError,
  type Principal,
  REFUSAL_CODES,
  type RefusalCode,
  readInstant,
} from '@querywarden/policy-core'
import { formatIssues, type PolicyIssue, readYaml } from '@querywarden/policy-core/yaml'
import * as z from 'zod'
import { ConfigError } from '../config/config-error.ts'
import { locateIssues } from '../locate-issues.ts'
import type { Outcome } from '../rehearsal/rehearsal.ts'
import type { Script } from '../rehearsal/rehearse.ts'

/** One thing that a policy is expected to say. */
export interface PolicyCase {
  readonly name: string
  readonly location: { readonly line: number; readonly column: number }
  readonly principal: Principal
  /** Null where the command says it. */
  readonly target: string | null
  readonly script: Script
  /** Milliseconds since 1970, or null for now. */
  readonly at: number | null
  readonly expect: Outcome
  /** The rules that decide, in any order; null where it doesn't matter. */
  readonly rules: readonly string[] | null
  readonly masked: readonly string[] | null
  readonly code: RefusalCode | null
}

/** `policy.test.yaml`, validated. Files are as it names them: beside it. */
export interface PolicyTestFile {
  readonly policy: string | null
  readonly catalog: string | null
  readonly cases: readonly PolicyCase[]
}

const CASES_MAX = 10_000
const strict = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, knownKeys(shape))
const Text = z.string().min(1).max(1_024)
const Sql = z.string().max(1_048_576)
const Texts = z.union([Sql, z.array(Sql).min(1)], { error: 'expected a text, or a list of texts' })
const ClaimValue = z.union([z.string(), z.number(), z.boolean()])

const As = strict({
  subject: Text.default('somebody').meta({ description: 'who asks' }),
  issuer: Text.default('nowhere'),
  groups: z.array(Text).default([]),
  claims: z
    .record(Text, z.union([ClaimValue, z.array(ClaimValue)]))
    .default({})
    .meta({ description: 'claims of the token, by name' }),
  actor: strict({ subject: Text, issuer: Text.optional(), groups: z.array(Text).default([]) })
    .optional()
    .meta({ description: 'the agent that acts for them' }),
})

const At = z
  .string()
  .refine(text => readInstant(text) !== null, 'expected a time with its zone, such as 2027-03-01T09:30:00Z')

const Case = strict({
  name: Text,
  as: As.optional(),
  target: Text.optional(),
  statement: Texts.meta({ description: 'as a client would send it; of a list each by itself, in one session' }),
  before: Texts.optional().meta({ description: 'sent earlier in the same session' }),
  in_transaction: z.boolean().default(false),
  at: At.optional().meta({ description: 'when it comes; left out: now' }),
  expect: z.enum(['allow', 'approve', 'deny']),
  rules: z.array(Text).optional().meta({ description: 'the rules that decide, all of them' }),
  masked: z.array(Text).optional().meta({ description: 'all columns that are shown masked: schema.relation.column' }),
  code: z.enum(REFUSAL_CODES).optional().meta({ description: 'why it is denied' }),
})

/** What a test file may hold. */
const Document = strict({
  version: z.literal(1),
  policy: Text.optional().meta({ description: 'left out: NAME.yaml for NAME.test.yaml' }),
  catalog: Text.optional().meta({ description: 'a saved schema, by: querywarden policy catalog' }),
  target: Text.optional().meta({ description: 'for cases that name none' }),
  as: As.optional().meta({ description: 'for cases that say nothing of who asks' }),
  at: At.optional().meta({ description: 'for cases that say nothing of when' }),
  cases: z.array(Case).min(1).max(CASES_MAX),
}).meta({ title: 'policy.test.yaml' })

/** The JSON Schema of a policy's test file. */
export const policyTestSchema = (): object => z.toJSONSchema(Document, { io: 'input' })

/** Reads a test file. @throws {ConfigError} `INVALID` with file, line and column of each issue. */
export function readPolicyTests(text: string, file: string): PolicyTestFile {
  const document = readYaml(text, {
    file,
    parse: input => {
      const parsed = Document.safeParse(input)
      if (parsed.success) return parsed.data
      throw new PolicyError(issuesOf(parsed.error.issues, input))
    },
    fail: issues => new ConfigError('INVALID', formatIssues(issues)),
  })
  const places = locateIssues(
    text,
    file,
    document.cases.map(
      (_, index): PolicyIssue => ({ path: ['cases', index], message: '', at: 'value', location: null }),
    ),
  )
  return {
    policy: document.policy ?? null,
    catalog: document.catalog ?? null,
    cases: document.cases.map((given, index) => caseOf(given, document, places[index]?.location ?? null)),
  }
}

type GivenDocument = z.output<typeof Document>

function caseOf(
  given: GivenDocument['cases'][number],
  document: GivenDocument,
  location: PolicyIssue['location'],
): PolicyCase {
  const at = given.at ?? document.at
  return {
    name: given.name,
    location: { line: location?.line ?? 1, column: location?.column ?? 1 },
    principal: principalOf(given.as ?? document.as ?? As.parse({})),
    target: given.target ?? document.target ?? null,
    script: { pre: listOf(given.before ?? []), sql: listOf(given.statement), inTransaction: given.in_transaction },
    at: at === undefined ? null : readInstant(at),
    expect: given.expect,
    rules: given.rules ?? null,
    masked: given.masked ?? null,
    code: given.code ?? null,
  }
}

const listOf = (texts: string | readonly string[]): readonly string[] => (typeof texts === 'string' ? [texts] : texts)

const principalOf = ({ subject, issuer, groups, claims, actor }: z.output<typeof As>): Principal => ({
  subject,
  issuer,
  groups,
  actor: actor === undefined ? null : { ...actor, issuer: actor.issuer ?? issuer },
  expiresAt: Number.POSITIVE_INFINITY,
  credentialDigest: null,
  claims: Object.entries(claims).map(([name, values]) => ({ name, values: Array.isArray(values) ? values : [values] })),
})
