import * as z from 'zod'
import type { RowRecording } from '../decision.ts'
import { PolicyError } from '../errors.ts'
import { policyIssues } from './check-policy.ts'
import { type CheckPattern, engineIssues } from './detector-pattern.ts'
import {
  isNotEmpty,
  NAME_CHARS_MAX,
  Names,
  On,
  ROWS_MAX,
  RuleOnSchema,
  strict,
  unlessBroken,
  WhatSchema,
  WhoSchema,
} from './parse-conditions.ts'
import { MaskSchema } from './parse-masks.ts'
import {
  type ApprovalRequirement,
  EVERYBODY,
  EVERYTHING,
  type LimitEntry,
  type Policy,
  type RecordEntry,
  type Rule,
} from './policy.ts'
import { readBytes, readDurationMs } from './quantities.ts'
import { issuesOf } from './schema-issues.ts'

const RULES_MAX = 10_000
const MASKS_MAX = 1_000
const LIMITS_MAX = 200
const RECORD_MAX = 200
const REASON_CHARS_MAX = 500
const KEPT_CHARS_MAX = 64
const STATEMENTS_MAX = 1_000_000_000
const APPROVAL_MS_MAX = 7 * 24 * 3_600_000

const quantity = (read: (text: string) => number | null, expected: string, max: number) =>
  z
    .string({ error: `expected ${expected}` })
    .max(NAME_CHARS_MAX)
    .transform((text, context) => {
      const value = read(text)
      if (value !== null && value <= max) return value
      context.addIssue(value === null ? `expected ${expected}` : 'is more than can be kept')
      return z.NEVER
    })

const Duration = quantity(readDurationMs, 'a length of time such as 30s, 10m or 8h', APPROVAL_MS_MAX)
const SIZE = 'a size such as 50MB or 64MiB'
const Size = z.union([z.int().min(1), quantity(readBytes, SIZE, Number.MAX_SAFE_INTEGER)], {
  error: `expected ${SIZE}`,
})

const Approval = strict({
  approvers: strict({ groups: Names }),
  quorum: z.int().min(1).max(100).default(1),
  expires: Duration,
  mode: z.enum(['hold', 'return', 'auto']).default('hold'),
}).transform(
  (approval): ApprovalRequirement => ({
    approverGroups: approval.approvers.groups,
    quorum: approval.quorum,
    expiresMs: approval.expires,
    mode: approval.mode,
  }),
)

const RuleSchema = strict({
  id: z
    .string()
    .max(KEPT_CHARS_MAX)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, dots, dashes or underscores'),
  decision: z.enum(['allow', 'approve', 'deny']),
  who: WhoSchema.optional(),
  on: RuleOnSchema.optional(),
  what: WhatSchema.optional(),
  approval: Approval.optional(),
  reason: z
    .string()
    .trim()
    .min(1)
    .max(REASON_CHARS_MAX)
    .regex(/^[^\p{C}]*$/u, 'expected one line of text')
    .optional(),
}).transform((rule, context): Rule => {
  const { id, decision, approval } = rule
  const parts = {
    id,
    who: rule.who ?? EVERYBODY,
    targets: rule.on?.targets ?? null,
    when: rule.on?.when ?? null,
    what: rule.what ?? EVERYTHING,
    reason: rule.reason ?? null,
  }
  if (decision !== 'approve') {
    if (approval === undefined) return { ...parts, decision }
    context.addIssue({
      code: 'custom',
      path: ['approval'],
      message: `only a rule that decides approve takes an approval`,
    })
    return z.NEVER
  }
  if (approval !== undefined) return { ...parts, decision, approval }
  context.addIssue({
    code: 'custom',
    path: ['approval'],
    message: 'a rule that decides approve must say who approves',
  })
  return z.NEVER
})

const Statements = z.int().min(1).max(STATEMENTS_MAX)
const Rate = strict({ 'per-minute': Statements.optional(), 'per-day': Statements.optional() }).refine(
  isNotEmpty,
  unlessBroken('expected per-minute or per-day'),
)

const LimitSchema = strict({
  who: WhoSchema.optional(),
  on: On.optional(),
  rows: z.int().min(1).max(ROWS_MAX).optional(),
  bytes: Size.optional(),
  time: Duration.optional(),
  statements: Rate.optional(),
})
  .refine(
    ({ rows, bytes, time, statements }) => isNotEmpty({ rows, bytes, time, statements }),
    unlessBroken('expected rows, bytes, time or statements'),
  )
  .transform(
    (entry): LimitEntry => ({
      who: entry.who ?? EVERYBODY,
      targets: entry.on?.targets ?? null,
      rowsMax: entry.rows ?? null,
      bytesMax: entry.bytes ?? null,
      timeMsMax: entry.time ?? null,
      statementsPerMinuteMax: entry.statements?.['per-minute'] ?? null,
      statementsPerDayMax: entry.statements?.['per-day'] ?? null,
    }),
  )

const ROWS_RECORDED = { error: 'expected all, digest or { first: 100 }' }
const RowsRecorded = z.union(
  [
    z.enum(['all', 'digest'], ROWS_RECORDED).transform((kind): RowRecording => ({ kind })),
    strict({ first: z.int().min(1).max(ROWS_MAX) }).transform(
      ({ first }): RowRecording => ({ kind: 'first', rows: first }),
    ),
  ],
  ROWS_RECORDED,
)

const RecordSchema = strict({ who: WhoSchema.optional(), on: On.optional(), rows: RowsRecorded }).transform(
  (entry): RecordEntry => ({ who: entry.who ?? EVERYBODY, targets: entry.on?.targets ?? null, rows: entry.rows }),
)

/** What a policy's document may hold. */
export const PolicySchema: z.ZodType<Policy> = strict({
  version: z.literal(1),
  rules: z.array(RuleSchema).max(RULES_MAX),
  masks: z.array(MaskSchema).max(MASKS_MAX).default([]),
  limits: z.array(LimitSchema).max(LIMITS_MAX).default([]),
  record: z.array(RecordSchema).max(RECORD_MAX).exactOptional(),
})

/** What a policy is held against as it is read. */
export interface PolicyReading {
  /** The engine that patterns of detectors will be run by. Absent: only their text is looked at. */
  readonly checkPattern?: CheckPattern
}

/**
 * Turns a document, as JSON or YAML gives it, into a policy.
 *
 * @throws {PolicyError} `INVALID` with every issue found: unknown keys, wrong types, and rules that could never fire.
 * @example
 * const policy = parsePolicy({
 *   version: 1,
 *   rules: [{ id: 'agents-read', decision: 'allow', who: { groups: ['ai-agents'] }, what: { effects: ['read'] } }],
 * })
 */
export function parsePolicy(input: unknown, { checkPattern = () => null }: PolicyReading = {}): Policy {
  const parsed = PolicySchema.safeParse(input)
  if (!parsed.success) throw new PolicyError(issuesOf(parsed.error.issues, input))
  const issues = [...policyIssues(parsed.data), ...engineIssues(parsed.data, checkPattern)]
  if (issues.length > 0) throw new PolicyError(issues)
  return parsed.data
}
