/** One large array that a generator writes to, again and again. */
export class Sink {
  readonly bytes: Uint8Array
  readonly #view: DataView
  at = 0

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.bytes.buffer)
  }

  get room(): number {
    return this.bytes.length - this.at
  }

  byte(value: number): void {
    this.#view.setUint8(this.at, value)
    this.at += 1
  }

  int16(value: number): void {
    this.#view.setInt16(this.at, value)
    this.at += 2
  }

  int32(value: number): void {
    this.#view.setInt32(this.at, value)
    this.at += 4
  }

  int32At(at: number, value: number): void {
    this.#view.setInt32(at, value)
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** Puts bytes in the place of those from `start` to `end`, and moves what follows. */
  splice(start: number, end: number, bytes: Uint8Array): void {
    this.bytes.copyWithin(start + bytes.length, end, this.at)
    this.bytes.set(bytes, start)
    this.at += bytes.length - (end - start)
  }
}
