import type { RecordedEvent, RecordedParameter, RowsEvent } from '../format/event.ts'
import type { RecordingHeader } from '../format/file-header.ts'
import { cellText } from '../replay/cell-text.ts'
import { resultParts } from '../replay/result-frames.ts'

/** Plain JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
export type JsonObject = { readonly [name: string]: Json }

/**
 * An event as plain JSON: values as text, rows as lists of cells, digests and other bytes in hex. Keys of recordings are left
 * out.
 *
 * @example
 * for await (const event of readRecording(file, { kek })) console.log(JSON.stringify(eventJson(event)))
 */
export function eventJson(event: RecordedEvent): JsonObject {
  switch (event.kind) {
    case 'opened':
      return { ...plain(without(event, 'header')), header: headerJson(event.header) }
    case 'intent':
    case 'refused':
      return { ...plain(without(event, 'params')), params: event.params.map(parameterJson) }
    case 'rows':
      return { ...plain(without(event, 'frames')), ...rowsJson(event) }
    case 'approval-requested':
    case 'approval-answered':
    case 'notice':
    case 'completion':
    case 'cancel-requested':
    case 'incident':
    case 'recovered':
    case 'closed':
    case 'unknown':
    case 'broken-off':
      return plain(event)
  }
}

const headerJson = (header: RecordingHeader): JsonObject =>
  plain(without(without(header, 'wrappedMetaKey'), 'valueCheck'))

const parameterJson = (param: RecordedParameter): JsonObject => ({
  ...plain(without(param, 'value')),
  value: param.value === null ? null : cellText(param.value, param),
})

function rowsJson({ frames, columns }: RowsEvent): JsonObject {
  if (frames === null) return { values: null }
  const { parts } = resultParts(frames)
  const copied = parts.flatMap(part => (part.kind === 'copy' ? [part.data] : []))
  const values = parts.flatMap(part =>
    part.kind === 'copy'
      ? []
      : [part.cells.map((cell, at) => (cell === null ? null : cellText(cell, columns?.[at] ?? TEXT)))],
  )
  return copied.length === 0 ? { values } : { values, copied: Buffer.concat(copied).toString('utf8') }
}

const TEXT = { typeOid: 0, format: 'text' } as const

function without<T extends object, K extends keyof T>(whole: T, key: K): Omit<T, K> {
  const { [key]: _left, ...rest } = whole
  return rest
}

/** What has no form in JSON gets one: bytes are hex, and what isn't there is left out. */
function plain(value: object): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]): [string, Json][] => (one === undefined ? [] : [[name, plainOf(one)]])),
  )
}

function plainOf(value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plainOf)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  return typeof value === 'object' && value !== null ? plain(value) : null
}
