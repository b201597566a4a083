import { describeUse, type Ruling } from './decide-use.ts'
import type { Refusal } from './decision.ts'
import type { Facts, Prohibition } from './facts.ts'
import { printable } from './printable.ts'
import type { Place } from './statement.ts'

export const notUnderstood = ({ message, offset }: Extract<Facts, { kind: 'opaque' }>): Refusal => ({
  code: 'NOT_UNDERSTOOD',
  rule: null,
  message: `statement refused: ${printable(message)}`,
  hint: 'send one statement that the server itself would parse',
  place: offset === null ? null : { start: offset, end: offset },
  request: null,
})

export const prohibited = ({ message, hint, place }: Prohibition): Refusal => ({
  code: 'PROHIBITED',
  rule: null,
  message: `statement refused whatever the policy: ${printable(message)}`,
  hint: printable(hint),
  place,
  request: null,
})

export const doesNothing = (): Refusal => ({
  code: 'NO_RULE_ALLOWS',
  rule: null,
  message: 'statement refused: it does nothing that a rule could allow',
  hint: 'send a statement that has an effect',
  place: null,
  request: null,
})

export const cannotMask = ({ code, why, hint, place }: MaskTrouble): Refusal => ({
  code,
  rule: null,
  message: `statement refused: ${why}`,
  hint,
  place,
  request: null,
})

interface MaskTrouble {
  readonly code: Refusal['code']
  readonly why: string
  readonly hint: string
  readonly place: Place
}

/** The refusal of a statement with a denied use. A rule's own no says more than a missing yes, so it goes first. */
export function ruledOut(rulings: readonly Ruling[], tag: string): Refusal {
  const denied = rulings.filter(({ answer }) => answer === 'deny')
  const ruling = denied.find(({ rules }) => rules.length > 0) ?? denied[0]
  if (ruling === undefined) return doesNothing()
  const { use } = ruling
  const described = describeUse(use, tag)
  const [rule] = ruling.rules
  const parts = { place: use.place, request: null }
  if (rule === undefined) {
    return {
      ...parts,
      code: 'NO_RULE_ALLOWS',
      rule: null,
      message: `statement refused: no rule allows this: ${described} (${use.effect})`,
      hint: 'leave this part out, or ask whoever keeps the policy for a rule that allows it',
    }
  }
  // What concerns no relation and no function is described by what it does: `runs code (procedural)`.
  const judged = use.kind === 'statement' ? `${described} (${use.effect})` : `${described} is ${use.effect}`
  return {
    ...parts,
    code: 'DENIED_BY_RULE',
    rule: rule.id,
    message: `statement refused by rule ${rule.id}: ${judged}${rule.reason === null ? '' : `. ${rule.reason}`}`,
    hint: 'leave this part out: what a rule denies, no other rule and no approval can allow',
  }
}
