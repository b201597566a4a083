import type { CompiledPolicy } from '../decide.ts'
import { isRememberable } from '../facts.ts'
import type { Principal } from '../principal.ts'
import type { Target } from '../target.ts'
import type { Judgement } from './judge.ts'
import { Rulings } from './rulings.ts'

/** A bounded, least-recently-used memory of judgements, good for one catalog and one policy. */
export class JudgementCache {
  readonly #byText = new Map<string, Judgement>()
  readonly #entriesMax: number
  readonly #textCharsMax: number
  readonly #asker: { readonly principal: Principal; readonly target: Target }
  #rulings: Rulings | null = null
  #fingerprint = ''

  constructor(
    asker: { readonly principal: Principal; readonly target: Target },
    limits: { readonly entriesMax: number; readonly textCharsMax: number },
  ) {
    this.#asker = asker
    this.#entriesMax = limits.entriesMax
    this.#textCharsMax = limits.textCharsMax
  }

  /** The remembered judgement, or a fresh one by `make`. A new policy or catalog forgets all that was judged by another. */
  get(
    policy: CompiledPolicy,
    fingerprint: string,
    text: string,
    make: (rulings: Rulings) => Judgement | Promise<Judgement>,
  ): Judgement | Promise<Judgement> {
    if (this.#rulings?.policy !== policy || fingerprint !== this.#fingerprint) {
      this.#byText.clear()
      this.#rulings = new Rulings(policy, this.#asker)
      this.#fingerprint = fingerprint
    }
    const known = this.#byText.get(text)
    if (known !== undefined) {
      this.#byText.delete(text)
      this.#byText.set(text, known)
      return known
    }
    const rulings = this.#rulings
    const made = make(rulings)
    return made instanceof Promise
      ? made.then(late => this.#kept(rulings, text, late))
      : this.#kept(rulings, text, made)
  }

  #kept(rulings: Rulings, text: string, made: Judgement): Judgement {
    // What comes late may be by a policy or a catalog that are no longer in force.
    const isCurrent = rulings === this.#rulings
    if (isCurrent && text.length <= this.#textCharsMax && isRememberable(made.facts)) this.#remember(text, made)
    return made
  }

  #remember(text: string, judgement: Judgement): void {
    if (this.#byText.size >= this.#entriesMax) {
      const oldest = this.#byText.keys().next()
      if (!oldest.done) this.#byText.delete(oldest.value)
    }
    this.#byText.set(text, judgement)
  }
}
