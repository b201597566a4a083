import { OutputBuffer } from '../data-row/output-buffer.ts'
import { MaskingError } from '../errors.ts'

const BYTES_INITIAL = 4_096

/** The pieces of one field that came in several pushes, up to a limit. */
export interface FieldBytes {
  readonly isEmpty: () => boolean
  /** Throws `FIELD_TOO_LARGE`. */
  readonly add: (source: Uint8Array, start: number, end: number) => void
  /** All that was added and one last piece, as one; empty again afterwards. Good until the next piece is added. */
  readonly take: (source: Uint8Array, start: number, end: number) => Uint8Array
}

/** Prepares room for one field after another of at most `bytesMax` bytes, as they are written. */
export function fieldBytes(bytesMax: number): FieldBytes {
  const buffer = new OutputBuffer({ bytesInitial: BYTES_INITIAL, bytesMax: Number.MAX_SAFE_INTEGER })
  const add: FieldBytes['add'] = (source, start, end) => {
    checkFieldBytes(buffer.length + end - start, bytesMax)
    buffer.append(source, start, end)
  }
  return {
    isEmpty: () => buffer.length === 0,
    add,
    take: (source, start, end) => {
      add(source, start, end)
      const field = buffer.bytes.subarray(0, buffer.length)
      buffer.clear()
      return field
    },
  }
}

/** Throws `FIELD_TOO_LARGE` where a field of so many bytes can't be looked into. */
export function checkFieldBytes(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax)
    throw new MaskingError(
      'FIELD_TOO_LARGE',
      `a field of ${bytes} bytes or more in COPY data exceeds the limit of ${bytesMax} up to which detectors look into one`,
    )
}
