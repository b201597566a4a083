import { hidesValues, type Running } from './expected.ts'

/** What the statements of the open transaction have done that matters at its end. */
export class TransactionMarks {
  #hasMasked = false
  #mayHaveChangedSchema = false

  /** They touched masked columns: what the transaction's end reports may be about them. */
  get hasMasked(): boolean {
    return this.#hasMasked
  }

  add({ cleared: { facts, obligations } }: Running): void {
    if (hidesValues(obligations)) this.#hasMasked = true
    if (facts.uses.some(({ effect }) => effect === 'ddl' || effect === 'unknown')) this.#mayHaveChangedSchema = true
  }

  /** Forgets it all, and says whether the schema may be another one now. */
  end(): boolean {
    const mayHaveChangedSchema = this.#mayHaveChangedSchema
    this.#hasMasked = false
    this.#mayHaveChangedSchema = false
    return mayHaveChangedSchema
  }
}
