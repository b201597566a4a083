import type { Operation } from './operations.ts'

/** What goes wrong. */
export type FaultKind =
  /** 503 SlowDown, and nothing is done. */
  | 'unavailable'
  /** 429, and nothing is done. */
  | 'too-many'
  /** 403 AccessDenied, as an account without the right gets it. */
  | 'denied'
  /** Never answers. */
  | 'hang'
  /** The connection is cut when half of the request, or of the answer's body, is through. */
  | 'cut'
  /** It is done, and the connection is cut instead of an answer. */
  | 'lost-answer'
  /** 200 with an error in the body, as CompleteMultipartUpload may. */
  | 'error-in-200'

export interface Fault {
  readonly operation: Operation
  readonly kind: FaultKind
  /** How often. Default 1. */
  readonly times?: number
}

/** Faults that are to come, in the order in which they were asked for. */
export class Faults {
  #waiting: { readonly operation: Operation; readonly kind: FaultKind; left: number }[] = []

  add({ operation, kind, times = 1 }: Fault): void {
    this.#waiting.push({ operation, kind, left: times })
  }

  clear(): void {
    this.#waiting = []
  }

  take(operation: Operation): FaultKind | null {
    const fault = this.#waiting.find(one => one.operation === operation)
    if (fault === undefined) return null
    if (--fault.left <= 0) this.#waiting = this.#waiting.filter(one => one !== fault)
    return fault.kind
  }
}
