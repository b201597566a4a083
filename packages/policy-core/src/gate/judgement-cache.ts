import { isRememberable, REMEMBERED_BYTES_EACH, weightOf } from '../facts.ts'
import type { Standing } from '../policy/standing.ts'
import type { Judgement } from './judge.ts'
import { type Asker, type RuledBy, Rulings } from './rulings.ts'

/** A bounded, least-recently-used memory of judgements, good for one catalog and for as long as one set of rules holds. */
export class JudgementCache {
  readonly #byText = new Map<string, Judgement>()
  readonly #rulings = new Map<string, Rulings>()
  readonly #entriesMax: number
  /** Of all remembered facts, in bytes. */
  #weight = 0
  readonly #textCharsMax: number
  readonly #asker: Asker
  #standing: Standing | null = null
  #fingerprint = ''

  constructor(asker: Asker, limits: { readonly entriesMax: number; readonly textCharsMax: number }) {
    this.#asker = asker
    this.#entriesMax = limits.entriesMax
    this.#textCharsMax = limits.textCharsMax
  }

  /**
   * The remembered judgement, or a fresh one by `make`. A new policy, other rules of it that hold by now, or a new catalog
   * forget all that was judged by another.
   *
   * @param by its surroundings are known only as far as its standing asks, and no estimate is among them
   */
  get(
    by: RuledBy,
    fingerprint: string,
    text: string,
    make: (rulings: Rulings) => Judgement | Promise<Judgement>,
  ): Judgement | Promise<Judgement> {
    const { standing } = by
    if (this.#standing !== standing || fingerprint !== this.#fingerprint) {
      this.#byText.clear()
      this.#rulings.clear()
      this.#weight = 0
      this.#standing = standing
      this.#fingerprint = fingerprint
    }
    const situation = situationOf(by)
    const key = situation + text
    const known = this.#byText.get(key)
    if (known !== undefined) {
      this.#byText.delete(key)
      this.#byText.set(key, known)
      return known
    }
    const rulings = this.#rulings.get(situation) ?? new Rulings(by, this.#asker)
    this.#rulings.set(situation, rulings)
    const made = make(rulings)
    return made instanceof Promise
      ? made.then(late => this.#kept(rulings, situation, key, late))
      : this.#kept(rulings, situation, key, made)
  }

  #kept(rulings: Rulings, situation: string, key: string, made: Judgement): Judgement {
    // What comes late may be by a policy or a catalog that are no longer in force.
    const isCurrent = rulings === this.#rulings.get(situation)
    if (isCurrent && key.length <= this.#textCharsMax && isRememberable(made.facts)) this.#remember(key, made)
    return made
  }

  #remember(key: string, judgement: Judgement): void {
    this.#forget(key)
    this.#weight += weightOf(judgement.facts)
    this.#byText.set(key, judgement)
    const isTooMuch = (): boolean =>
      this.#byText.size > this.#entriesMax || this.#weight > this.#entriesMax * REMEMBERED_BYTES_EACH
    for (const oldest of this.#byText.keys()) {
      if (!isTooMuch()) break
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    const known = this.#byText.get(key)
    if (known === undefined) return
    this.#weight -= weightOf(known.facts)
    this.#byText.delete(key)
  }
}

/** Empty where no rule asks, which is nearly always; else three characters, the same number for all of a standing. */
function situationOf({ standing, surroundings: { inTransaction, multiStatement } }: RuledBy): string {
  if (!standing.asksForTransaction && !standing.asksForMultiStatement) return ''
  return `${letterOf(inTransaction)}${letterOf(multiStatement)} `
}

const letterOf = (known: boolean | null): string => (known === null ? '?' : known ? 'y' : 'n')
