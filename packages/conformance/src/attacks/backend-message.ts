/** A message from the server: its type and what follows the length. */
export interface BackendMessage {
  readonly type: string
  readonly body: Buffer
}

/** A row as text; binary values read as UTF-8, which is all that a search for a canary needs. */
export type Row = readonly (string | null)[]

/** The rows in these messages. */
export const rowsIn = (messages: readonly BackendMessage[]): readonly Row[] =>
  messages.filter(message => message.type === 'D').map(({ body }) => cellsOf(body))

/** The cells of a DataRow. */
export function cellsOf(body: Buffer): Row {
  const cells: (string | null)[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at)
    at += 4
    cells.push(length < 0 ? null : body.toString('utf8', at, at + length))
    at += Math.max(0, length)
  }
  return cells
}

/** The fields of an ErrorResponse or NoticeResponse, by their one-letter code. */
export function fieldsOf(body: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const end = body.indexOf(0, at + 1)
    if (end < 0) break
    fields.set(String.fromCharCode(body[at] ?? 0), body.toString('utf8', at + 1, end))
    at = end + 1
  }
  return fields
}

/** SQLSTATE, message and detail of an error, on one line. */
export function errorText(body: Buffer): string {
  const fields = fieldsOf(body)
  return ['C', 'M', 'D'].flatMap(code => fields.get(code) ?? []).join(' ')
}

/** The column names in a RowDescription. */
export function columnNames(body: Buffer): readonly string[] {
  const names: string[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at)
    names.push(body.toString('utf8', at, end))
    // Table, attribute, type, size, modifier and format follow the name: 18 bytes.
    at = end + 19
  }
  return names
}
