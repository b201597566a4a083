import { decodeUtf8, encodeUtf8, isStorableText } from '../utf8.ts'
import type { JsonLeaf } from './json-leaf.ts'
import { JSON_BYTES_MAX, UNREADABLE_ESCAPE, WELL_FORMED_ESCAPES } from './json-limits.ts'
import type { JsonPlan } from './json-plan.ts'
import { elementSlices, memberSlices } from './json-slices.ts'

/** Masks a document in its text form, or gives null for what is no document that PostgreSQL could look into. */
export function maskJsonText(plan: JsonPlan, text: string): string | null {
  if (Buffer.byteLength(text) > JSON_BYTES_MAX || !isStorableText(text) || !isReadable(text)) return null
  JSON.parse(text)
  return shown(plan, text.replace(/^[ \t\n\r]+|[ \t\n\r]+$/g, ''))
}

/** As {@link maskJsonText}, over the binary form: that of jsonb begins with its version. */
export function maskJsonBytes(plan: JsonPlan, bytes: Uint8Array, version: Uint8Array): Uint8Array | null {
  if (!version.every((byte, index) => bytes[index] === byte)) return null
  const text = decodeUtf8(bytes.subarray(version.length))
  const masked = text === null ? null : maskJsonText(plan, text)
  return masked === null ? null : Buffer.concat([version, encodeUtf8(masked)])
}

const WELL_FORMED = new RegExp(WELL_FORMED_ESCAPES, 'g')
const UNREADABLE = new RegExp(UNREADABLE_ESCAPE)

const isReadable = (text: string): boolean => !UNREADABLE.test(text.replace(WELL_FORMED, ' '))

function shown(plan: JsonPlan, json: string): string {
  switch (plan.kind) {
    case 'leaf':
      return leafShown(plan.leaf, json)
    case 'each':
      if (!json.startsWith('[')) return shown(plan.item, json)
      return `[${elementSlices(json)
        .map(element => shown(plan.item, element))
        .join(', ')}]`
    case 'object': {
      if (!json.startsWith('{')) return 'null'
      const members = memberSlices(json).map(({ key, value }) => {
        const child = plan.members.get(key)
        return `${JSON.stringify(key)}: ${child === undefined ? value : shown(child, value)}`
      })
      return `{${members.join(', ')}}`
    }
  }
}

const NUMBER = /^[-0-9]/

function leafShown(leaf: JsonLeaf, json: string): string {
  if (leaf.kind === 'fixed') return leaf.json
  if (NUMBER.test(json)) return JSON.stringify(leaf.mask.text(json))
  if (!json.startsWith('"')) return 'null'
  const text: unknown = JSON.parse(json)
  return JSON.stringify(leaf.mask.text(String(text)))
}
