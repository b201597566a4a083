import type { ErrorView } from './expected.ts'

/**
 * The fields of a server's error or notice that the client may see. Where the statement reads masked columns, texts can
 * hold raw values (a failed cast, a violated check prints the row), so only the code and the constraint's name remain.
 */
export function shownFields(fields: ReadonlyMap<string, string>, view: ErrorView): ReadonlyMap<string, string> {
  if (view.withheld) return withheld(fields)
  const shown = new Map(fields)
  const position = Number(fields.get('P'))
  if (view.positionShift === null || !Number.isInteger(position)) shown.delete('P')
  else shown.set('P', String(position + view.positionShift))
  return shown
}

function withheld(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const sqlstate = fields.get('C') ?? 'XX000'
  const shown = new Map<string, string>()
  for (const code of ['S', 'V', 'C', 'n']) {
    const value = fields.get(code)
    if (value !== undefined) shown.set(code, value)
  }
  shown.set(
    'M',
    `the database reports SQLSTATE ${sqlstate}; its words are withheld because the statement touches masked columns`,
  )
  return shown
}
