// Rough, and on purpose not the lexer under test: what it gets wrong makes odd mutants, no wrong verdicts.
const TOKEN =
  /\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|[eEuU]?&?'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_][\w$]*|\d+(?:\.\d+)?|\$\d+|::|[<>=!@#%^&|~*/+-]+|\s+|[\s\S]/g

/** The pieces of a text, spaces among them; joined they are the text. */
export const tokensOf = (text: string): string[] => text.match(TOKEN) ?? []

export const isSpace = (token: string): boolean => /^\s+$/.test(token)
export const isWord = (token: string): boolean => /^[A-Za-z_]/.test(token)
export const isLiteral = (token: string): boolean => /^(\d|[eEuU]?&?')/.test(token)

/** The stretches from an opening bracket to its closing one, as [first, last] token. */
export function groupsOf(tokens: readonly string[]): readonly (readonly [number, number])[] {
  const open: number[] = []
  const found: (readonly [number, number])[] = []
  for (const [at, token] of tokens.entries()) {
    if (token === '(') open.push(at)
    if (token !== ')') continue
    const from = open.pop()
    if (from !== undefined) found.push([from, at])
  }
  return found
}
