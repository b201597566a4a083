import type { Trial } from './laws.ts'

const HEADER_INTS = 5
const CUTS_MAX = 1024
const BYTES_AT = (HEADER_INTS + CUTS_MAX) * 4
const BYTES_MAX = 9 << 20
const KINDS = ['frontend', 'backend', 'startup'] as const

/** The trial that a worker is at, in memory that outlives it: if it hangs or dies, this is what did it. */
export class CurrentTrial {
  readonly shared: SharedArrayBuffer
  readonly #ints: Int32Array
  readonly #bytes: Uint8Array

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(BYTES_AT + BYTES_MAX)) {
    this.shared = shared
    this.#ints = new Int32Array(shared, 0, HEADER_INTS + CUTS_MAX)
    this.#bytes = new Uint8Array(shared, BYTES_AT)
  }

  /** Grows with every trial. */
  get count(): number {
    return Atomics.load(this.#ints, 0)
  }

  write({ kind, bytes, cuts, frameBytesMax }: Trial): void {
    const count = Math.min(cuts.length, CUTS_MAX)
    this.#ints[1] = bytes.length
    this.#ints[2] = KINDS.indexOf(kind)
    this.#ints[3] = frameBytesMax
    this.#ints[4] = count
    for (let i = 0; i < count; i++) this.#ints[HEADER_INTS + i] = cuts[i] ?? 0
    this.#bytes.set(bytes)
    Atomics.add(this.#ints, 0, 1)
  }

  read(): Trial {
    const [, length = 0, kind = 0, frameBytesMax = 0, cuts = 0] = this.#ints
    return {
      kind: KINDS[kind] ?? 'frontend',
      bytes: this.#bytes.slice(0, length),
      cuts: [...this.#ints.subarray(HEADER_INTS, HEADER_INTS + cuts)],
      frameBytesMax,
      sound: new Set(),
    }
  }
}
