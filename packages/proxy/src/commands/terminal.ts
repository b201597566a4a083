import { inspect } from 'node:util'

/** Where a command prints. Findings and results go to `out`, what only a person at the terminal needs to `note`. */
export interface Terminal {
  readonly out: (line: string) => void
  readonly note: (line: string) => void
  readonly isJson: boolean
}

/** @param isJson - With `--json`, results are one JSON document on standard output and nothing else is. */
export const openTerminal = (isJson: boolean): Terminal => ({
  out: line => process.stdout.write(`${line}\n`),
  note: line => process.stderr.write(`${line}\n`),
  isJson,
})

/** Prints data as JSON, or as the lines that `lines` makes of it. */
export function show<T>(terminal: Terminal, data: T, lines: (data: T) => readonly string[]): void {
  if (terminal.isJson)
    terminal.out(
      JSON.stringify(data, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 2),
    )
  else for (const line of lines(data)) terminal.out(line)
}

/** A message for the user, whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : inspect(error))

/** Columns of text, each as wide as its widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(row => (row[column] ?? '').length)))
  return all.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
