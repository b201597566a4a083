import { quotedEnd } from '../detect/quoted-end.ts'

/** A member of an object as it is written: `value` is its JSON. */
export interface MemberSlice {
  readonly key: string
  readonly value: string
}

/** Cuts the members out of an object's JSON, duplicates included. The text must be valid JSON. */
export function memberSlices(json: string): readonly MemberSlice[] {
  const slices: MemberSlice[] = []
  for (let at = valueStart(json, 1); json[at] !== '}'; ) {
    const keyEnd = valueEnd(json, at)
    const key: unknown = JSON.parse(json.slice(at, keyEnd))
    const start = valueStart(json, keyEnd)
    const end = valueEnd(json, start)
    slices.push({ key: String(key), value: json.slice(start, end) })
    at = valueStart(json, end)
  }
  return slices
}

/** Cuts the elements out of an array's JSON. The text must be valid JSON. */
export function elementSlices(json: string): readonly string[] {
  const slices: string[] = []
  for (let at = valueStart(json, 1); json[at] !== ']'; ) {
    const end = valueEnd(json, at)
    slices.push(json.slice(at, end))
    at = valueStart(json, end)
  }
  return slices
}

/** Past white space and what separates. */
function valueStart(json: string, at: number): number {
  let start = at
  while (' \t\n\r,:'.includes(json[start] ?? '}')) start++
  return start
}

function valueEnd(json: string, start: number): number {
  const first = json[start] ?? ''
  if (first === '"') return quotedEnd(json, start)
  let at = start
  if (first !== '{' && first !== '[') {
    while (at < json.length && !' \t\n\r,:]}'.includes(json[at] ?? '')) at++
    return at
  }
  for (let depth = 0; at < json.length; ) {
    const sign = json[at] ?? ''
    at = sign === '"' ? quotedEnd(json, at) : at + 1
    if (sign === '{' || sign === '[') depth++
    else if ((sign === '}' || sign === ']') && --depth === 0) break
  }
  return at
}
