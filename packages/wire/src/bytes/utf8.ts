import { FrameError } from './frame-error.ts'

// A byte order mark is content here: dropping it would make the judged text differ from the bytes.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
const encoder = new TextEncoder()

// With the `u` flag only a surrogate without its partner matches.
const LONE_SURROGATE = /[\ud800-\udfff]/u

/** Names and command tags are shorter than this; up to here a decoder's call costs more than a loop. */
const SHORT_BYTES = 24

/** Short ASCII, or undefined where it is something else. */
function decodeShortAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > SHORT_BYTES) return undefined
  let text = ''
  for (const byte of bytes) {
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

/** Decodes UTF-8, or throws `MALFORMED`. The text encodes back to the same bytes. */
export function decodeUtf8(bytes: Uint8Array, message: string): string {
  const short = decodeShortAscii(bytes)
  if (short !== undefined) return short
  try {
    return strict.decode(bytes)
  } catch {
    throw new FrameError('MALFORMED', `\`${message}\` holds text that is not valid UTF-8`)
  }
}

/** Decodes what may not be UTF-8: bytes that aren't become U+FFFD. */
export function decodeLossyUtf8(bytes: Uint8Array): { readonly text: string; readonly lossy: boolean } {
  try {
    return { text: strict.decode(bytes), lossy: false }
  } catch {
    return { text: lenient.decode(bytes), lossy: true }
  }
}

/** Encodes text, or throws `UNENCODABLE` where the encoder would put U+FFFD in place of a lone surrogate. */
export function encodeUtf8(text: string): Uint8Array {
  if (LONE_SURROGATE.test(text)) throw new FrameError('UNENCODABLE', 'text with a lone surrogate has no UTF-8 form')
  return encoder.encode(text)
}
