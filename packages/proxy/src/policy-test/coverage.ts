import type { MaskEntry, Policy } from '@querywarden/policy-core'
import { maskedColumns } from '../rehearsal/account.ts'
import type { Rehearsal } from '../rehearsal/rehearsal.ts'

/** Which rules and masks of a policy some case has come across. */
export interface Coverage {
  readonly rules: number
  readonly masks: number
  readonly untouchedRules: readonly string[]
  /** By place in the policy, with what they are about. */
  readonly untouchedMasks: readonly string[]
  /** Of rules and masks together. */
  readonly percent: number
}

/** Collects what cases come across. */
export class Touched {
  readonly #rules = new Set<string>()
  readonly #masks = new Set<number>()
  readonly #detectors = new Set<string>()

  /** A rule counts where it gave one of a statement's parts its answer, a mask where a result would show it. */
  add({ statements }: Rehearsal): void {
    for (const { entry } of maskedColumns(statements)) this.#masks.add(entry)
    for (const { judgement } of statements) {
      if (judgement === null) continue
      const { decision } = judgement
      for (const { rules } of decision.reasons) for (const id of rules) this.#rules.add(id)
      if (decision.kind !== 'deny')
        for (const { detector } of decision.obligations.detect) this.#detectors.add(detector)
    }
  }

  of({ rules, masks }: Policy): Coverage {
    const untouchedRules = rules.map(({ id }) => id).filter(id => !this.#rules.has(id))
    const untouchedMasks = masks.flatMap((mask, index) => {
      const isTouched =
        mask.kind === 'detect' ? whatOf(mask).some(name => this.#detectors.has(name)) : this.#masks.has(index)
      return isTouched ? [] : [`masks[${index}] (${whatOf(mask).join(', ')})`]
    })
    const all = rules.length + masks.length
    const touched = all - untouchedRules.length - untouchedMasks.length
    return {
      rules: rules.length,
      masks: masks.length,
      untouchedRules,
      untouchedMasks,
      percent: all === 0 ? 100 : Math.floor((100 * touched) / all),
    }
  }
}

/** What an entry is about, as the policy writes it. */
export function whatOf(mask: MaskEntry): readonly string[] {
  switch (mask.kind) {
    case 'columns':
      return mask.columns
    case 'tags':
      return mask.tags
    case 'types':
      return mask.types
    case 'detect':
      return [...mask.detectors, ...(mask.patterns ?? []).map(({ name }) => name)]
  }
}
