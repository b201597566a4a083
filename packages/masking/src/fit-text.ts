import { countCharacters, indexAfter } from './characters.ts'
import type { TextType } from './column-type.ts'

/** Makes text a value of a text type, as PostgreSQL's explicit casts do: cut to n characters, char(n) padded. */
export function fitText(type: TextType, text: string): string {
  if (type.bytesMax !== null) return fitBytes(text, type.bytesMax)
  if (type.charactersMax === null) return text
  const cut = text.slice(0, indexAfter(text, type.charactersMax))
  return type.padded ? cut + ' '.repeat(type.charactersMax - countCharacters(cut)) : cut
}

/** Without the blanks that char(n) is padded with, as in a cast to text. */
export function stripPadding(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) === 0x20) end--
  return text.slice(0, end)
}

/** The longest prefix of whole characters in that many bytes of UTF-8. */
function fitBytes(text: string, bytesMax: number): string {
  let bytes = 0
  let at = 0
  while (at < text.length) {
    const next = indexAfter(text.slice(at, at + 2), 1)
    bytes += Buffer.byteLength(text.slice(at, at + next))
    if (bytes > bytesMax) return text.slice(0, at)
    at += next
  }
  return text
}
