import { RecordingError } from '../errors.ts'

/** An element: its children in order, or its text. */
export interface XmlElement {
  readonly name: string
  readonly children: readonly XmlElement[]
  readonly text: string
}

const PROLOG = /^\uFEFF?\s*(?:<\?xml[^>]*\?>)?\s*/
/** A start tag with attributes that nobody reads, an end tag, an empty element, or text. */
const TOKEN =
  /<([A-Za-z][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|<\/([A-Za-z][\w.:-]*)\s*>|([^<]+)/y
const DEPTH_MAX = 16
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

interface Draft {
  readonly name: string
  readonly children: XmlElement[]
  text: string
}

/**
 * Reads what object stores answer: elements and text. Document types, comments, CDATA and entities of one's own don't
 * occur there, and are refused.
 *
 * @throws RecordingError MALFORMED
 */
export function parseXml(text: string): XmlElement {
  const start = PROLOG.exec(text)?.[0].length ?? 0
  const top: Draft = { name: '', children: [], text: '' }
  const open: Draft[] = [top]
  TOKEN.lastIndex = start
  while (TOKEN.lastIndex < text.length) {
    const [, name, , isEmpty, ending, words] = TOKEN.exec(text) ?? fail()
    const parent = open.at(-1) ?? fail()
    if (words !== undefined) parent.text += unescaped(words)
    else if (name !== undefined) {
      const element = { name, children: [], text: '' }
      parent.children.push(element)
      if (isEmpty === '') open.push(element)
      if (open.length > DEPTH_MAX) fail()
    } else if (open.length === 1 || open.pop()?.name !== ending) fail()
  }
  const [root, another] = top.children
  if (root === undefined || another !== undefined || open.length !== 1 || top.text.trim() !== '') fail()
  return root
}

const unescaped = (text: string): string =>
  text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));|&/g, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined && Object.hasOwn(NAMED, name)) return NAMED[name] ?? fail()
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal ?? Number.NaN)
    return code <= 0x10ffff ? String.fromCodePoint(code) : fail()
  })

function fail(): never {
  throw new RecordingError('MALFORMED', 'the object store answered with XML of another form than S3 has')
}

/** The text of the child of that name, or null. */
export const textOf = (element: XmlElement, name: string): string | null =>
  element.children.find(child => child.name === name)?.text ?? null

/** Text for between tags. */
export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, char => ESCAPES[char] ?? char)

const ESCAPES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(NAMED).map(([name, char]) => [char, `&${name};`]),
)
