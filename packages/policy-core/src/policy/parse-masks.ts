import * as z from 'zod'
import {
  DATE_UNITS,
  DETECTORS,
  type Detector,
  type DetectorPattern,
  type LookupBudget,
  type Mask,
  ON_MASK,
  PREDICATE_MODES,
  type ValueMask,
} from '../mask.ts'
import { PATTERN_CHARS_MAX, patternTrouble } from './detector-pattern.ts'
import { JSON_STEPS_MAX, readJsonPath } from './json-path.ts'
import { isNotEmpty, NAME_CHARS_MAX, Name, Names, On, strict, unlessBroken, WhoSchema } from './parse-conditions.ts'
import type { MaskEntry } from './policy.ts'
import { suggestion } from './schema-issues.ts'

const DETECT_MAX = 100
const JSON_PATHS_MAX = 100
const JSON_PATH = `expected a path of members and [*] in at most ${JSON_STEPS_MAX} steps, such as $.cards[*].number`
const KEPT_CHARS_MAX = 64

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

const LOOKUPS_MAX = 1_000_000_000
const LookupCount = z.int().min(1).max(LOOKUPS_MAX)
const Lookups = strict({ 'per-minute': LookupCount.optional(), 'per-day': LookupCount.optional() })
  .refine(isNotEmpty, unlessBroken('expected per-minute or per-day'))
  .transform(
    (given): LookupBudget => ({ perMinuteMax: given['per-minute'] ?? null, perDayMax: given['per-day'] ?? null }),
  )

const ONE_OF = 'expected exactly one of columns, tags, types, detect'

/** An entry of a policy's `masks`. */
export const MaskSchema: z.ZodType<MaskEntry> = strict({
  columns: Names.optional(),
  tags: Names.optional(),
  types: Names.optional(),
  detect: z
    .array(z.union([DetectorName, Pattern]))
    .min(1)
    .max(DETECT_MAX)
    .optional(),
  with: With,
  predicates: z.enum(PREDICATE_MODES).optional(),
  lookups: Lookups.optional(),
  unless: WhoSchema.optional(),
  who: WhoSchema.optional(),
  on: On.optional(),
}).transform((entry, context): MaskEntry => {
  const { columns, tags, types, detect, predicates = ON_MASK.predicates, lookups = ON_MASK.lookups } = entry
  const parts = {
    mask: entry.with,
    predicates,
    lookups,
    who: entry.who ?? null,
    unless: entry.unless ?? null,
    targets: entry.on?.targets ?? null,
  }
  const made: readonly MaskEntry[] = [
    columns === undefined ? [] : [{ ...parts, kind: 'columns' as const, columns }],
    tags === undefined ? [] : [{ ...parts, kind: 'tags' as const, tags }],
    types === undefined ? [] : [{ ...parts, kind: 'types' as const, types }],
    detect === undefined ? [] : [{ ...parts, kind: 'detect' as const, ...detectorsOf(detect) }],
  ].flat()
  const [only, another] = made
  if (only === undefined || another !== undefined) {
    context.addIssue(ONE_OF)
    return z.NEVER
  }
  const troubles = troublesOf(only, entry)
  for (const [key, message] of troubles) context.addIssue({ code: 'custom', path: [key], message })
  return troubles.length === 0 ? only : z.NEVER
})

/** What parts of an entry don't go together, by the part that should be another one. */
function troublesOf(
  { kind, mask, predicates }: MaskEntry,
  given: { readonly predicates?: unknown; readonly lookups?: unknown },
): readonly (readonly [key: string, message: string])[] {
  if (kind === 'detect' && mask.kind === 'json') return [['with', 'what detectors find is text, and has no members']]
  if (kind === 'detect' && given.predicates !== undefined)
    return [['predicates', 'what detectors find is looked for in results, where there are no predicates: leave it out']]
  if (predicates === 'equality' && mask.kind !== 'hash')
    return [
      [
        'predicates',
        'equality shows which values are equal, as a hash does and no other mask: write with: hash, or on-mask here',
      ],
    ]
  if (given.lookups !== undefined && predicates !== 'equality')
    return [
      ['lookups', 'only under predicates: equality are there values to look up: write that too, or leave lookups out'],
    ]
  return []
}

function detectorsOf(
  detect: readonly (Detector | DetectorPattern)[],
): Pick<Extract<MaskEntry, { kind: 'detect' }>, 'detectors' | 'patterns'> {
  const detectors = detect.filter(each => typeof each === 'string')
  const patterns = detect.filter(each => typeof each !== 'string')
  return patterns.length === 0 ? { detectors } : { detectors, patterns }
}
