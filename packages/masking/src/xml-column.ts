import type { CompiledMask } from './compiled-mask.ts'
import { literal } from './sql-text.ts'
import { encodeUtf8 } from './utf8.ts'

/** One text for every value of xml: it must need no escapes. Parsed as content, whatever the session's xmloption says. */
export const fixedXml = (text: string): CompiledMask => ({
  kind: 'fixed',
  sql: `XMLPARSE(CONTENT ${literal(text)})`,
  text,
  binary: encodeUtf8(text),
})
