import type { CopyFormat, MaskCopy, ResultColumn, ResultPlan } from '@querywarden/policy-core'
import { detectCell } from '../detect/detect-cell.ts'
import type { HashKey } from '../keyed-hash.ts'
import { encodeUtf8 } from '../utf8.ts'
import { anyBinaryField, anyTextField } from './any-field.ts'
import { binaryCopy } from './binary-copy.ts'
import { csvFields } from './csv-fields.ts'
import { type CopyLimits, delimitedCopy, type FieldMasks, type MaskField } from './delimited-copy.ts'
import { textFields } from './text-fields.ts'

/** What a COPY is masked by. */
export type CopyMasker = (plan: ResultPlan, format: CopyFormat, columns?: readonly ResultColumn[]) => MaskCopy

/** A field of COPY data may be of a gigabyte; this much of it is held at once, unless it is said otherwise. */
export const COPY_FIELD_BYTES_MAX: number = 64 * 1024 * 1024

/**
 * Masks the data of COPY … TO STDOUT as policy-core's hook has it: what the plan's detectors look for is replaced in every
 * field that can hold text, and what comes out is COPY data of the same format that the server reads back.
 *
 * With `columns`, as the server describes the query inside, a field is masked just as a cell of a result is. Without, every
 * field is looked into, and taken for what it looks like: JSON, an array, XML, else text. In binary that is every field
 * without a NUL, and what lies in arrays; other bytes with a find in them become NULL.
 *
 * `push` and `finish` throw `MALFORMED_COPY` for data of another format, and `FIELD_TOO_LARGE` for a field that is larger
 * than `fieldBytesMax`. The session must end then: what was given before stays well-formed, but it isn't all.
 *
 * @example
 * ```ts
 * const copy = copyMasker(() => key, { fieldBytesMax: COPY_FIELD_BYTES_MAX })(plan, facts.copyFormat, columns)
 * for await (const data of copyData) client.write(copy.push(data))
 * client.write(copy.finish())
 * ```
 */
export const copyMasker =
  (hashKey: HashKey, limits: CopyLimits): CopyMasker =>
  (plan, format, columns) => {
    const masks = masksFor(plan, format, columns, hashKey)
    switch (format.kind) {
      case 'text':
        return delimitedCopy(textFields(format), masks, format.hasHeader, limits)
      case 'csv':
        return delimitedCopy(csvFields(format), masks, format.hasHeader, limits)
      case 'binary':
        return binaryCopy(masks, limits)
    }
  }

function masksFor(
  { detect }: ResultPlan,
  { kind }: CopyFormat,
  columns: readonly ResultColumn[] | undefined,
  hashKey: HashKey,
): FieldMasks {
  if (columns === undefined) {
    const mask = kind === 'binary' ? anyBinaryField(detect, hashKey) : anyTextField(detect, hashKey)
    return { kind: 'all', mask }
  }
  const format = kind === 'binary' ? 'binary' : 'text'
  return {
    kind: 'each',
    masks: columns.map(({ typeOid, typmod }): MaskField | null => {
      const detection = detectCell(detect, { typeOid, typmod, format }, hashKey)
      return detection === null ? null : value => bytesOf(detection.mask(value))
    }),
  }
}

const bytesOf = (cell: Uint8Array | string | null): Uint8Array | null =>
  typeof cell === 'string' ? encodeUtf8(cell) : cell
