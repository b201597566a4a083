import type { CompiledPolicy } from '../decide.ts'
import type { Judgement } from './judge.ts'

/** A bounded, least-recently-used memory of judgements, good for one catalog and one policy. */
export class JudgementCache {
  readonly #byText = new Map<string, Judgement>()
  readonly #entriesMax: number
  readonly #textCharsMax: number
  #policy: CompiledPolicy | null = null
  #fingerprint = ''

  constructor(limits: { readonly entriesMax: number; readonly textCharsMax: number }) {
    this.#entriesMax = limits.entriesMax
    this.#textCharsMax = limits.textCharsMax
  }

  /** The remembered judgement, or a fresh one by `make`. A new policy or catalog forgets all that was judged by another. */
  get(policy: CompiledPolicy, fingerprint: string, text: string, make: () => Judgement): Judgement {
    if (policy !== this.#policy || fingerprint !== this.#fingerprint) {
      this.#byText.clear()
      this.#policy = policy
      this.#fingerprint = fingerprint
    }
    const known = this.#byText.get(text)
    if (known !== undefined) {
      this.#byText.delete(text)
      this.#byText.set(text, known)
      return known
    }
    const made = make()
    if (text.length <= this.#textCharsMax) this.#remember(text, made)
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
