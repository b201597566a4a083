const CHARS_MAX = 200

/**
 * A name that came from outside, fit for a message on one line of a terminal or a log: control, format and unpaired
 * surrogate characters become their code points, and what is very long is cut.
 */
export function printable(text: string): string {
  const shown = text.replace(/[\p{C}\u2028\u2029]/gu, char => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
  return shown.length > CHARS_MAX ? `${shown.slice(0, CHARS_MAX)}…` : shown
}

/** An identifier as PostgreSQL would have it written: quoted unless it is plain. */
export const printableName = (name: string): string =>
  /^[a-z_][a-z0-9_$]*$/.test(name) ? printable(name) : `"${printable(name.replaceAll('"', '""'))}"`
