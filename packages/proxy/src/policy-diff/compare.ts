import { type ApprovalTerms, type Catalog, maskName, type Obligations } from '@querywarden/policy-core'
import { accountOf, maskedColumns } from '../rehearsal/account.ts'
import { isLooser, type Outcome, type Rehearsal } from '../rehearsal/rehearsal.ts'

/** What a policy says of a statement, as far as two policies are compared by it. */
export interface Says {
  readonly outcome: Outcome
  readonly rules: readonly string[]
  /** `schema.relation.column (mask)`; for what is looked for in all that is shown `any email (mask)`. */
  readonly masked: readonly string[]
  /** Who is asked: `1 of dba or ops`, for each list that must be satisfied. */
  readonly approvers: readonly string[]
  /** The limits that hold, and how much of the rows is recorded: `rows 100`, `records all`. */
  readonly terms: readonly string[]
}

/** Statements that change in one and the same way. */
export interface ChangeGroup {
  readonly change: 'looser' | 'stricter' | 'other'
  readonly old: Says
  readonly new: Says
  readonly count: number
  /** The first of them. */
  readonly examples: readonly { readonly id: string; readonly sql: string }[]
}

const EXAMPLES_MAX = 3

/** What is compared. */
export const sayingOf = (rehearsal: Rehearsal, catalog: Catalog): Says => {
  const { outcome, rules } = accountOf(rehearsal, catalog)
  const masks = outcome === 'deny' ? [] : maskedColumns(rehearsal.statements)
  return {
    outcome,
    rules: [...rules].sort(),
    masked: [
      ...new Set([
        ...masks.map(({ name, mask }) => `${name} (${mask})`),
        ...(outcome === 'deny' ? [] : detected(rehearsal)),
      ]),
    ].sort(),
    approvers: outcome === 'approve' ? [...new Set(approversOf(rehearsal))].sort() : [],
    terms: outcome === 'deny' ? [] : [...new Set(termsOf(rehearsal))].sort(),
  }
}

/** What is looked for in rows, where a statement gives any. */
const detected = ({ statements }: Rehearsal): readonly string[] =>
  statements.flatMap(({ judgement }) =>
    judgement?.kind === 'permitted' && judgement.facts.outputs !== null
      ? judgement.decision.obligations.detect.map(({ detector, mask }) => `any ${detector} (${maskName(mask)})`)
      : [],
  )

const termsOf = ({ statements }: Rehearsal): readonly string[] =>
  statements.flatMap(({ judgement }) =>
    judgement?.kind === 'permitted' ? obligationTerms(judgement.decision.obligations) : [],
  )

function obligationTerms({ limits: { rowsMax, bytesMax, timeMsMax }, rows }: Obligations): readonly string[] {
  const limits = [
    ['rows', rowsMax],
    ['bytes', bytesMax],
    ['ms', timeMsMax],
  ] as const
  const told = limits.flatMap(([what, max]) => (max === null ? [] : [`at most ${max} ${what}`]))
  if (rows === undefined) return told
  return [
    ...told,
    `records ${rows.kind === 'first' ? `the first ${rows.rows} rows` : rows.kind === 'all' ? 'all rows' : 'a digest of the rows'}`,
  ]
}

const approversOf = ({ statements }: Rehearsal): readonly string[] =>
  statements.flatMap(({ judgement }) =>
    judgement?.kind === 'permitted' && judgement.decision.kind === 'approve'
      ? approverLists(judgement.decision.terms)
      : [],
  )

const approverLists = ({ approverGroups, quorum }: ApprovalTerms): readonly string[] =>
  approverGroups.map(groups => `${quorum} of ${[...groups].sort().join(' or ')}`)

/** Collects what changes, alike with alike. */
export class Changes {
  readonly #groups = new Map<string, { group: ChangeGroup; count: number; examples: { id: string; sql: string }[] }>()
  same = 0

  add(before: Says, after: Says, example: { readonly id: string; readonly sql: string }): void {
    const key = JSON.stringify([before, after])
    if (JSON.stringify(before) === JSON.stringify(after)) {
      this.same += 1
      return
    }
    const change = changeOf(before, after)
    const known = this.#groups.get(key) ?? {
      group: { change, old: before, new: after, count: 0, examples: [] },
      count: 0,
      examples: [],
    }
    known.count += 1
    if (known.examples.length < EXAMPLES_MAX) known.examples.push(example)
    this.#groups.set(key, known)
  }

  /** What lets more through first, then by how many there are. */
  get groups(): readonly ChangeGroup[] {
    return [...this.#groups.values()]
      .map(({ group, count, examples }) => ({ ...group, count, examples }))
      .sort((a, b) => ORDER[a.change] - ORDER[b.change] || b.count - a.count)
  }
}

const ORDER = { looser: 0, stricter: 1, other: 2 } as const

/**
 * A mask that is gone, or is another now, may show more, and other approvers may approve more: whether they do is not for a
 * program to say.
 */
function changeOf(before: Says, after: Says): ChangeGroup['change'] {
  if (isLooser(after.outcome, before.outcome)) return 'looser'
  if (isLooser(before.outcome, after.outcome)) return 'stricter'
  if (before.masked.some(mask => !after.masked.includes(mask))) return 'looser'
  if (before.approvers.some(list => !after.approvers.includes(list))) return 'looser'
  if (after.approvers.length > before.approvers.length) return 'stricter'
  return after.masked.length > before.masked.length ? 'stricter' : 'other'
}
