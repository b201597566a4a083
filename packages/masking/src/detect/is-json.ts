const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
/** What control characters are below; within strings they are escaped. */
const FIRST_PRINTABLE = 0x20

/** What may come next; `end`: nothing more. */
type Awaited = 'value' | 'value-or-close' | 'name' | 'name-or-close' | 'colon' | 'comma-or-close' | 'end'

/** A number, true, false or null. */
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const SPACE = /[ \t\n\r]*/y

/**
 * Whether a text is JSON (RFC 8259), as JSON.parse has it. Asked of every string of a document, where what JSON.parse throws for
 * those that are none would take a hundred times as long as they do.
 */
export function isJsonText(text: string): boolean {
  const open: number[] = []
  let awaited: Awaited = 'value'
  for (let at = endOf(SPACE, text, 0); at < text.length; at = endOf(SPACE, text, at)) {
    const sign = text.charCodeAt(at)
    const end = tokenEnd(text, at, sign)
    if (end <= at) return false
    const next = behind(awaited, sign, open)
    if (next === null) return false
    awaited = next
    at = end
  }
  return awaited === 'end'
}

/** What may come behind a token that begins with `sign`; null where it may not stand there. `open` are the lists and objects. */
function behind(awaited: Awaited, sign: number, open: number[]): Awaited | null {
  switch (awaited) {
    case 'value':
    case 'value-or-close':
      return behindValue(awaited, sign, open)
    case 'name':
    case 'name-or-close':
      if (sign === QUOTE) return 'colon'
      return awaited === 'name-or-close' && sign === CLOSE_OBJECT ? closed(open) : null
    case 'colon':
      return sign === COLON ? 'value' : null
    case 'comma-or-close': {
      const isList = open.at(-1) === OPEN_LIST
      if (sign === COMMA) return isList ? 'value' : 'name'
      return sign === (isList ? CLOSE_LIST : CLOSE_OBJECT) ? closed(open) : null
    }
    case 'end':
      return null
  }
}

function behindValue(awaited: Awaited, sign: number, open: number[]): Awaited | null {
  if (sign === OPEN_LIST || sign === OPEN_OBJECT) {
    open.push(sign)
    return sign === OPEN_LIST ? 'value-or-close' : 'name-or-close'
  }
  if (sign === CLOSE_LIST) return awaited === 'value-or-close' ? closed(open) : null
  return sign === CLOSE_OBJECT || sign === COMMA || sign === COLON ? null : within(open)
}

function closed(open: number[]): Awaited {
  open.pop()
  return within(open)
}

const within = (open: readonly number[]): Awaited => (open.length === 0 ? 'end' : 'comma-or-close')

/** Where the token at `at` ends, or -1. */
function tokenEnd(text: string, at: number, sign: number): number {
  switch (sign) {
    case QUOTE:
      return stringEnd(text, at)
    case OPEN_LIST:
    case CLOSE_LIST:
    case OPEN_OBJECT:
    case CLOSE_OBJECT:
    case COMMA:
    case COLON:
      return at + 1
    default:
      return endOf(SCALAR, text, at)
  }
}

function stringEnd(text: string, open: number): number {
  for (let at = open + 1; at < text.length; ) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) return at + 1
    if (unit < FIRST_PRINTABLE) return -1
    const end = unit === BACKSLASH ? endOf(ESCAPE, text, at) : at + 1
    if (end === at) return -1
    at = end
  }
  return -1
}

/** Where a match at an offset ends; the offset itself where there is none. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}
