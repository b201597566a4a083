/**
 * What a mask comes to for one type, in all of its forms. They agree: for every value of the type the SQL yields what
 * `text` makes of its text form and `binary` of its binary form.
 */
export type CompiledMask =
  /** NULL, whatever the value. */
  | { readonly kind: 'null' }
  /** One value, whatever the value, NULL included. `sql` is a literal to be cast to the type. */
  | { readonly kind: 'fixed'; readonly sql: string; readonly text: string; readonly binary: Uint8Array }
  /** Computed from the value; NULL stays NULL. `sql` takes the column's reference. */
  | {
      readonly kind: 'computed'
      readonly sql: (reference: string) => string
      readonly text: (text: string) => string | null
      readonly binary: (bytes: Uint8Array) => Uint8Array | null
    }

export const TO_NULL: CompiledMask = { kind: 'null' }

/** A mask over text, before it is fitted to a text type. `text` sees well-formed text without padding. */
export interface TextMask {
  readonly sql: (text: string) => string
  readonly text: (text: string) => string
}
