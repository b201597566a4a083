import { isTokenUnit, isWordStart, runEnd } from './ascii.ts'

const PREFIX = 'sk-'
const KEY_CHARS_MAX = 300
/** Kinds of keys that say so: OpenAI's, Anthropic's, OpenRouter's. */
const KIND = /sk-(?:proj|svcacct|admin|None|ant|or)-/y
const KIND_CHARS_MIN = 24
/** Elsewhere a long run without dashes tells a key from a name in a style sheet. */
const RUN = /[A-Za-z0-9]{20}/
const MIXED = /[0-9]/

/**
 * The end of an API key of OpenAI, or of those who write theirs likewise, that begins at `at`, or -1. Source:
 * platform.openai.com/docs/api-reference/authentication, docs.anthropic.com, openrouter.ai/docs, by the forms they are issued in.
 */
export function openaiKeyAt(text: string, at: number): number {
  if (!text.startsWith(PREFIX, at) || !isWordStart(text, at) || text.charCodeAt(at - 1) === 0x2d) return -1
  const end = runEnd(text, at, isTokenUnit, KEY_CHARS_MAX)
  const rest = text.slice(at + PREFIX.length, end)
  if (isTokenUnit(text.charCodeAt(end)) || !MIXED.test(rest)) return -1
  KIND.lastIndex = at
  const isKind = KIND.test(text) && rest.length >= KIND_CHARS_MIN && /[A-Za-z]/.test(rest.slice(KIND.lastIndex - at))
  return isKind || RUN.test(rest) ? end : -1
}
