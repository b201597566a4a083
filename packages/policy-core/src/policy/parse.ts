import * as z from 'zod'
import { PolicyError } from '../errors.ts'
import {
  DATE_UNITS,
  DETECTORS,
  type Detector,
  type DetectorPattern,
  type Mask,
  ON_MASK,
  type ValueMask,
} from '../mask.ts'
import { policyIssues } from './check-policy.ts'
import { type CheckPattern, engineIssues, PATTERN_CHARS_MAX, patternTrouble } from './detector-pattern.ts'
import { JSON_STEPS_MAX, readJsonPath } from './json-path.ts'
import {
  isNotEmpty,
  NAME_CHARS_MAX,
  Name,
  Names,
  On,
  ROWS_MAX,
  RuleOnSchema,
  strict,
  unlessBroken,
  WhatSchema,
  WhoSchema,
} from './parse-conditions.ts'
import {
  type ApprovalRequirement,
  EVERYBODY,
  EVERYTHING,
  type LimitEntry,
  type MaskEntry,
  type Policy,
  type Rule,
} from './policy.ts'
import { readBytes, readDurationMs } from './quantities.ts'
import { issuesOf, suggestion } from './schema-issues.ts'

const RULES_MAX = 10_000
const MASKS_MAX = 1_000
const DETECT_MAX = 100
const LIMITS_MAX = 200
const JSON_PATHS_MAX = 100
const JSON_PATH = `expected a path of members and [*] in at most ${JSON_STEPS_MAX} steps, such as $.cards[*].number`
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

const BARE_MASKS = ['redact', 'null', 'partial', 'email', 'hash'] as const
const BARE: Readonly<Record<(typeof BARE_MASKS)[number], ValueMask>> = {
  redact: { kind: 'redact' },
  null: { kind: 'null' },
  partial: { kind: 'partial', first: 0, last: 4, fill: '*' },
  email: { kind: 'email' },
  hash: { kind: 'hash', key: null },
}
const NEEDS_VALUE: Readonly<Record<string, string>> = {
  constant: 'constant needs its value: { constant: "n/a" }',
  'date-trunc': `date-trunc needs its unit, one of ${DATE_UNITS.join(', ')}: { date-trunc: year }`,
  json: 'json needs its paths: { json: { "$.ssn": redact } }',
}

const MASK_NAMES: readonly string[] = [...BARE_MASKS, ...Object.keys(NEEDS_VALUE)]

const BareMask = z.enum([...BARE_MASKS], { error: ({ input }) => whyNoMask(input) }).transform(name => BARE[name])

function whyNoMask(input: unknown): string {
  if (typeof input !== 'string') return `expected one of ${MASK_NAMES.join(', ')}`
  return (
    (Object.hasOwn(NEEDS_VALUE, input) ? NEEDS_VALUE[input] : undefined) ?? `no mask, ${suggestion(input, MASK_NAMES)}`
  )
}

const Secret = z.union(
  [
    strict({ env: Name }).transform(({ env }) => ({ kind: 'env' as const, name: env })),
    strict({ file: Name }).transform(({ file }) => ({ kind: 'file' as const, path: file })),
  ],
  { error: 'expected { env: NAME } or { file: PATH }: a key is named here, never written' },
)
const Kept = z.int().min(0).max(KEPT_CHARS_MAX)

const Parameters = {
  partial: strict({ first: Kept.default(0), last: Kept.default(0), fill: z.string().min(1).max(8).default('*') })
    .transform((partial): ValueMask => ({ kind: 'partial', ...partial }))
    .optional(),
  hash: strict({ key: Secret })
    .transform((hash): ValueMask => ({ kind: 'hash', key: hash.key }))
    .optional(),
  constant: z
    .string()
    .max(NAME_CHARS_MAX)
    .transform((value): ValueMask => ({ kind: 'constant', value }))
    .optional(),
  'date-trunc': z
    .enum(DATE_UNITS)
    .transform((unit): ValueMask => ({ kind: 'date-trunc', unit }))
    .optional(),
}
// YAML reads a bare `null` as nothing at all, and so it arrives as null.
const NullMask = z.null().transform((): ValueMask => BARE.null)
const ONE_MASK = 'expected the name of a mask, or one mask with its parameters'

const MemberWith = z.union(
  [
    NullMask,
    BareMask,
    strict(Parameters).transform((given, context): ValueMask => {
      const [mask, ...more] = Object.values(given).filter(value => value !== undefined)
      if (mask !== undefined && more.length === 0) return mask
      context.addIssue('expected exactly one of partial, hash, constant, date-trunc')
      return z.NEVER
    }),
  ],
  { error: ONE_MASK },
)
const JsonMembers = z.record(z.string().max(NAME_CHARS_MAX), MemberWith).transform((given, context): Mask => {
  const entries = Object.entries(given)
  if (entries.length === 0 || entries.length > JSON_PATHS_MAX) context.addIssue(`expected 1 to ${JSON_PATHS_MAX} paths`)
  const members = entries.flatMap(([text, mask]) => {
    const path = readJsonPath(text)
    if (path !== null) return [{ path, mask }]
    context.addIssue({ code: 'custom', path: [text], message: JSON_PATH })
    return []
  })
  return { kind: 'json', members }
})

const MaskWithParameters = strict({ ...Parameters, json: JsonMembers.optional() }).transform((given, context): Mask => {
  const [mask, ...more] = Object.values(given).filter(value => value !== undefined)
  if (mask !== undefined && more.length === 0) return mask
  context.addIssue('expected exactly one of partial, hash, constant, date-trunc, json')
  return z.NEVER
})
const With = z.union([NullMask, BareMask, MaskWithParameters], { error: ONE_MASK })

const DETECTOR = `expected one of ${DETECTORS.join(', ')}, or { name, pattern }`
const DetectorName = z.enum(DETECTORS, {
  error: ({ input }) => (typeof input === 'string' ? `no detector, ${suggestion(input, DETECTORS)}` : DETECTOR),
})
const Pattern = strict({
  name: z
    .string()
    .max(KEPT_CHARS_MAX)
    .regex(/^[a-z][a-z0-9-]*$/, 'expected small letters, digits and dashes'),
  pattern: z
    .string()
    .min(1)
    .max(PATTERN_CHARS_MAX)
    .superRefine((pattern, context) => {
      const trouble = patternTrouble(pattern)
      if (trouble !== null) context.addIssue(trouble)
    }),
})

const MaskSchema = strict({
  columns: Names.optional(),
  detect: z
    .array(z.union([DetectorName, Pattern]))
    .min(1)
    .max(DETECT_MAX)
    .optional(),
  with: With,
  unless: WhoSchema.optional(),
  who: WhoSchema.optional(),
  on: On.optional(),
}).transform((entry, context): MaskEntry => {
  const { columns, detect } = entry
  const parts = {
    mask: entry.with,
    ...ON_MASK,
    who: entry.who ?? null,
    unless: entry.unless ?? null,
    targets: entry.on?.targets ?? null,
  }
  if (columns !== undefined && detect === undefined) return { ...parts, kind: 'columns', columns }
  if (detect !== undefined && columns === undefined && entry.with.kind === 'json') {
    context.addIssue({ code: 'custom', path: ['with'], message: 'what detectors find is text, and has no members' })
    return z.NEVER
  }
  if (detect !== undefined && columns === undefined) return { ...parts, kind: 'detect', ...detectorsOf(detect) }
  context.addIssue('expected either columns or detect')
  return z.NEVER
})

function detectorsOf(
  detect: readonly (Detector | DetectorPattern)[],
): Pick<Extract<MaskEntry, { kind: 'detect' }>, 'detectors' | 'patterns'> {
  const detectors = detect.filter(each => typeof each === 'string')
  const patterns = detect.filter(each => typeof each !== 'string')
  return patterns.length === 0 ? { detectors } : { detectors, patterns }
}

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

/** What a policy's document may hold. */
export const PolicySchema: z.ZodType<Policy> = strict({
  version: z.literal(1),
  rules: z.array(RuleSchema).max(RULES_MAX),
  masks: z.array(MaskSchema).max(MASKS_MAX).default([]),
  limits: z.array(LimitSchema).max(LIMITS_MAX).default([]),
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
