/** A JSON object. Read it with {@link member}, which never sees what objects inherit. */
export type JsonObject = Readonly<Record<string, unknown>>

/** A member of an object, or undefined where it has none of that name. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads bytes as one JSON object: strict UTF-8, and no name twice in any object, since two readers of `{"sub":1,"sub":2}`
 * may each see another subject (RFC 8725 section 2.6). Gives null for anything else.
 */
export function parseStrictObject(bytes: Uint8Array): JsonObject | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) && !repeatsName(text) ? value : null
  } catch {
    return null
  }
}

/** Strings, and the marks that open, part and close. Everything else in valid JSON is of no interest here. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** Whether an object in this text, which is valid JSON, has a name twice. Names are compared unescaped. */
function repeatsName(text: string): boolean {
  const open: (Set<string> | null)[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(null)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const names = open.at(-1)
      const name: unknown = JSON.parse(last)
      if (!names || typeof name !== 'string' || names.has(name)) return true
      names.add(name)
    }
    last = token
  }
  return false
}
