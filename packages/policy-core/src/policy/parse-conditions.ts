import * as z from 'zod'
import { ACCESSES, AGENCIES, EFFECTS } from '../facts.ts'
import { localClock, noTimeZone } from './local-time.ts'
import {
  type ActorCondition,
  type ClaimCondition,
  type IdentityCondition,
  type RowEstimate,
  type TimeWindow,
  WEEKDAYS,
  type What,
  type When,
  type Who,
} from './policy.ts'
import { readInstant, readTimeOfDay } from './quantities.ts'
import { knownKeys } from './schema-issues.ts'

const LIST_MAX = 1_000
const WINDOWS_MAX = 50
export const NAME_CHARS_MAX = 256
export const ROWS_MAX = 1_000_000_000

/** An object that answers an unknown key with the known one that it looks like. */
export const strict = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, knownKeys(shape))

export const Name: z.ZodString = z
  .string()
  .min(1)
  .max(NAME_CHARS_MAX)
  .regex(/^[^\p{Cc}]+$/u, { error: 'expected a text without control characters', abort: true })
export const Names: z.ZodArray<z.ZodString> = z.array(Name).min(1).max(LIST_MAX)

export const someOf = <T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodArray<z.ZodEnum<z.core.util.ToEnum<T[number]>>> => z.array(z.enum(values)).min(1).max(LIST_MAX)

export const isNotEmpty = (given: object): boolean => Object.values(given).some(value => value !== undefined)

/** A complaint that would only be the echo of another one, such as an unknown key. */
export const unlessBroken = (
  error: string,
): { error: string; when: (payload: { readonly issues: readonly unknown[] }) => boolean } => ({
  error,
  when: ({ issues }) => issues.length === 0,
})

const identityShape = { groups: Names.optional(), subjects: Names.optional(), issuers: Names.optional() }

type GivenIdentity = { readonly [K in keyof IdentityCondition]?: readonly string[] | undefined }
const identityOf = ({ groups, subjects, issuers }: GivenIdentity): IdentityCondition => ({
  groups: groups ?? null,
  subjects: subjects ?? null,
  issuers: issuers ?? null,
})

const ACTOR = 'expected any, none, or conditions on the agent: groups, subjects, issuers'
const Actor = z.union(
  [
    z.enum(['any', 'none'], { error: ACTOR }).transform((kind): ActorCondition => ({ kind })),
    strict(identityShape)
      .refine(isNotEmpty, unlessBroken('is empty; say any to mean any agent'))
      .transform((given): ActorCondition => ({ kind: 'like', ...identityOf(given) })),
  ],
  { error: ACTOR },
)

const ClaimValue = z.union([Name, z.number(), z.boolean()], { error: 'expected a text, a number, true or false' })
const ClaimsGiven = z
  .record(Name, z.union([ClaimValue, z.array(ClaimValue).min(1).max(LIST_MAX)]))
  .refine(claims => Object.keys(claims).length > 0, unlessBroken('must not be empty'))
  .transform((claims): readonly ClaimCondition[] =>
    Object.entries(claims).map(([name, given]) => ({ name, values: Array.isArray(given) ? given : [given] })),
  )

/** A record leaves this name out without a word, and a rule would be without a condition that its author wrote. */
const Claims = z.preprocess((given, context) => {
  if (typeof given === 'object' && given !== null && Object.hasOwn(given, '__proto__'))
    context.addIssue('must not name __proto__, which no claim is')
  return given
}, ClaimsGiven)

export const WhoSchema: z.ZodType<Who> = strict({
  ...identityShape,
  claims: Claims.optional(),
  actor: Actor.optional(),
})
  .refine(isNotEmpty, unlessBroken('is empty; leave it out to mean everybody'))
  .transform((who): Who => ({ ...identityOf(who), claims: who.claims ?? null, actor: who.actor ?? null }))

/** Where masks and limits hold. */
export const On: z.ZodType<{ readonly targets: readonly string[] }> = strict({ targets: Names })

const read = <T>(reader: (text: string) => T | null, expected: string): z.ZodType<T> =>
  z
    .string({ error: `expected ${expected}` })
    .max(NAME_CHARS_MAX)
    .transform((text, context) => {
      const value = reader(text)
      if (value !== null) return value
      context.addIssue(`expected ${expected}`)
      return z.NEVER
    })

const TimeOfDay = read(readTimeOfDay, 'a time such as "08:00", up to "24:00"')
const Moment = read(readInstant, 'a moment such as "2026-01-31T18:00:00Z", with Z or an offset')

/** Held against the runtime's zones here, where its place is known. */
const Zone = Name.superRefine((zone, context) => {
  if (localClock(zone) === null) context.addIssue(noTimeZone(zone))
})

const Window = strict({
  days: someOf(WEEKDAYS).optional(),
  from: TimeOfDay.optional(),
  to: TimeOfDay.optional(),
  zone: Zone,
}).transform(
  ({ days, from, to, zone }): TimeWindow => ({ days: days ?? null, from: from ?? 0, to: to ?? DAY_MINUTES, zone }),
)
const DAY_MINUTES = 1_440

interface RuleOn {
  readonly targets: readonly string[] | null
  readonly when: When | null
}

/** Where and when rules hold. */
export const RuleOnSchema: z.ZodType<RuleOn> = strict({
  targets: Names.optional(),
  when: z
    .union([Window.transform(window => [window]), z.array(Window).min(1).max(WINDOWS_MAX)], {
      error: 'expected days, from, to and zone, or a list of them',
    })
    .optional(),
  from: Moment.optional(),
  until: Moment.optional(),
})
  .refine(isNotEmpty, unlessBroken('is empty; leave it out to mean every target at any time'))
  .transform(({ targets, when, from, until }): RuleOn => {
    const isTimed = when !== undefined || from !== undefined || until !== undefined
    return {
      targets: targets ?? null,
      when: isTimed ? { windows: when ?? null, from: from ?? null, until: until ?? null } : null,
    }
  })

const Rows = z.int().min(0).max(ROWS_MAX)
const Estimate = strict({ over: Rows.optional(), 'at-most': Rows.optional() })
  .refine(isNotEmpty, unlessBroken('expected over or at-most'))
  .transform((given): RowEstimate => ({ over: given.over ?? null, atMost: given['at-most'] ?? null }))

const DOERS = ['statement', ...AGENCIES] as const

export const WhatSchema: z.ZodType<What> = strict({
  effects: someOf(EFFECTS).optional(),
  relations: Names.optional(),
  access: someOf(ACCESSES).optional(),
  functions: Names.optional(),
  unbounded: z.boolean().optional(),
  tags: Names.transform(tags => tags.map(tag => tag.toUpperCase())).optional(),
  columns: Names.optional(),
  via: someOf(DOERS).optional(),
  'estimated-rows': Estimate.optional(),
  'multi-statement': z.boolean().optional(),
  'in-transaction': z.boolean().optional(),
})
  .refine(isNotEmpty, unlessBroken('is empty; leave it out to mean everything'))
  .transform(
    (what): What => ({
      effects: what.effects ?? null,
      relations: what.relations ?? null,
      access: what.access ?? null,
      functions: what.functions ?? null,
      unbounded: what.unbounded ?? null,
      tags: what.tags ?? null,
      columns: what.columns ?? null,
      via: what.via ?? null,
      estimatedRows: what['estimated-rows'] ?? null,
      multiStatement: what['multi-statement'] ?? null,
      inTransaction: what['in-transaction'] ?? null,
    }),
  )
