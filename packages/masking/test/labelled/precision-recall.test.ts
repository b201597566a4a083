import { DETECTORS, type Detector } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { findSpans } from '../../src/detect/find-spans.ts'
import { BUSINESS } from './business.ts'
import { CONTEXTS, NAMED_SECRETS, NEAR_MISSES } from './contexts.ts'
import { POSITIVES } from './positives.ts'
import { seeded } from './seeded.ts'

const ROUNDS = 16
const BUSINESS_EACH = 250
const NEAR_MISS_ROUNDS = 20

/** A text, and the one value in it that a detector must find; null where there is nothing to be found. */
interface Labelled {
  readonly text: string
  readonly label: { readonly detector: Detector; readonly start: number; readonly end: number } | null
}

const labelled = (text: string, value: string, detector: Detector): Labelled => {
  const start = text.indexOf(value)
  return { text, label: { detector, start, end: start + value.length } }
}

const positives: readonly Labelled[] = DETECTORS.flatMap((detector, seed) => {
  const random = seeded(1_000 + seed)
  const placed = Array.from({ length: ROUNDS }, () =>
    CONTEXTS.map(context => {
      const value = POSITIVES[detector](random)
      return labelled(
        context.replace('§', () => value),
        value,
        detector,
      )
    }),
  ).flat()
  if (detector !== 'aws-key') return placed
  const secrets = Array.from({ length: ROUNDS }, () =>
    NAMED_SECRETS.map(make => labelled(...make(random), detector)),
  ).flat()
  return [...placed, ...secrets]
})

const random = seeded(7)
const business = Object.entries(BUSINESS).flatMap(([kind, make]) =>
  Array.from({ length: BUSINESS_EACH }, () => ({ kind, text: make(random) })),
)
const nearMisses = Array.from({ length: NEAR_MISS_ROUNDS }, () => NEAR_MISSES(random)).flat()

const findAll = findSpans(new Set(DETECTORS))
const finders = new Map<Detector, ReturnType<typeof findSpans>>()
const negatives: readonly Labelled[] = [...business.map(({ text }) => text), ...nearMisses].map(text => ({
  text,
  label: null,
}))

const score = new Map(DETECTORS.map(detector => [detector, { positives: 0, found: 0, wrong: 0 }]))
for (const { text, label } of [...positives, ...negatives]) {
  const own = label === null ? undefined : score.get(label.detector)
  if (own !== undefined) own.positives++
  // Each detector by itself, as a policy with this one alone has it.
  for (const detector of DETECTORS) {
    const isOwn = (start: number, end: number): boolean =>
      label !== null && label.detector === detector && start < label.end && end > label.start
    const spans = findSpansOf(detector)(text)
    const mine = score.get(detector)
    if (mine === undefined) continue
    mine.wrong += spans.filter(({ start, end }) => !isOwn(start, end)).length
    if (label?.detector === detector && spans.some(({ start, end }) => start <= label.start && end >= label.end))
      mine.found++
  }
}

function findSpansOf(detector: Detector): ReturnType<typeof findSpans> {
  const known = finders.get(detector) ?? findSpans(new Set([detector]))
  finders.set(detector, known)
  return known
}

/** What each detector must reach. Those with check digits or a form of their own are held to more. */
const FLOORS: Readonly<Record<Detector, { readonly recall: number; readonly precision: number }>> = {
  // Of numbers of a card's length and beginning that are none, one in ten holds: see the long order numbers.
  'credit-card': { recall: 0.99, precision: 0.96 },
  'us-ssn': { recall: 0.99, precision: 0.98 },
  email: { recall: 0.99, precision: 0.98 },
  iban: { recall: 0.99, precision: 0.98 },
  phone: { recall: 0.99, precision: 0.98 },
  jwt: { recall: 0.99, precision: 0.98 },
  'aws-key': { recall: 0.99, precision: 0.98 },
  'gcp-key': { recall: 0.99, precision: 0.98 },
  'github-token': { recall: 0.99, precision: 0.98 },
  'slack-token': { recall: 0.99, precision: 0.98 },
  'openai-key': { recall: 0.99, precision: 0.98 },
  'private-key': { recall: 0.99, precision: 0.98 },
  'ip-address': { recall: 0.99, precision: 0.98 },
}

test('the set is as large as it says, and every value stands where its label says', () => {
  for (const { positives: count } of score.values()) expect(count).toBeGreaterThanOrEqual(300)
  expect(business.length).toBeGreaterThanOrEqual(10_000)
  for (const { label } of positives) expect(label?.start).toBeGreaterThanOrEqual(0)
})

describe('precision and recall', () => {
  test.each(DETECTORS)('%s', detector => {
    const { positives: count, found, wrong } = score.get(detector) ?? { positives: 0, found: 0, wrong: 0 }
    expect(found / count).toBeGreaterThanOrEqual(FLOORS[detector].recall)
    expect(found / (found + wrong)).toBeGreaterThanOrEqual(FLOORS[detector].precision)
  })

  test('the table of the README says what is measured', () => {
    expect(table()).toMatchInlineSnapshot(`
      "| detector | values | recall | precision | wrong finds |
      | --- | --- | --- | --- | --- |
      | credit-card | 400 | 1.0000 | 0.9662 | 14 |
      | us-ssn | 400 | 1.0000 | 1.0000 | 0 |
      | email | 400 | 1.0000 | 1.0000 | 0 |
      | iban | 400 | 1.0000 | 1.0000 | 0 |
      | phone | 400 | 1.0000 | 1.0000 | 0 |
      | jwt | 400 | 1.0000 | 1.0000 | 0 |
      | aws-key | 480 | 1.0000 | 1.0000 | 0 |
      | gcp-key | 400 | 1.0000 | 1.0000 | 0 |
      | github-token | 400 | 1.0000 | 1.0000 | 0 |
      | slack-token | 400 | 1.0000 | 1.0000 | 0 |
      | openai-key | 400 | 1.0000 | 1.0000 | 0 |
      | private-key | 400 | 1.0000 | 1.0000 | 0 |
      | ip-address | 400 | 1.0000 | 1.0000 | 0 |"
    `)
  })
})

test('false positives among ordinary business values', () => {
  const wrong = new Map<string, number>()
  for (const { kind, text } of business)
    for (const { detector } of findAll(text))
      wrong.set(`${kind}: ${detector}`, (wrong.get(`${kind}: ${detector}`) ?? 0) + 1)
  expect(Object.fromEntries(wrong)).toMatchInlineSnapshot(`
    {
      "long order number: credit-card": 9,
    }
  `)
})

function table(): string {
  const rows = DETECTORS.map(detector => {
    const { positives: count, found, wrong } = score.get(detector) ?? { positives: 0, found: 0, wrong: 0 }
    return `| ${detector} | ${count} | ${(found / count).toFixed(4)} | ${(found / (found + wrong)).toFixed(4)} | ${wrong} |`
  })
  return ['| detector | values | recall | precision | wrong finds |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}
