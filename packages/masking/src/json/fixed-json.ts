import type { JsonType } from '../column-type.ts'
import type { CompiledMask } from '../compiled-mask.ts'
import { literal } from '../sql-text.ts'
import { encodeUtf8 } from '../utf8.ts'

/** What jsonb_send (utils/adt/jsonb.c) begins with. */
export const JSONB_VERSION: Uint8Array = Uint8Array.of(1)

/** One document for every value. It must be written as jsonb prints it. */
export function fixedJson({ flavour }: JsonType, json: string): CompiledMask {
  const text = encodeUtf8(json)
  const binary = flavour === 'jsonb' ? Buffer.concat([JSONB_VERSION, text]) : text
  return { kind: 'fixed', sql: literal(json), text: json, binary }
}
