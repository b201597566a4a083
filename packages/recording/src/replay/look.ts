/** What a stretch of a replay is, so that a look can show it. */
export type Role =
  | 'keyword'
  | 'name'
  | 'string'
  | 'number'
  | 'comment'
  | 'strong'
  | 'quiet'
  | 'good'
  | 'bad'
  | 'caution'

/** How a stretch of text is shown. It is on one line, and nothing in it drives a terminal. */
export type Look = (role: Role, text: string) => string

/** For pipes, files, and terminals that want no colours. */
export const plainLook: Look = (_role, text) => text

/** For terminals with colours: SGR sequences (ECMA-48, 8.3.117) of the eight colours that every theme has. */
export const colourLook: Look = (role, text) => `\u001b[${SGR[role]}m${text}\u001b[0m`

const SGR: Readonly<Record<Role, string>> = {
  keyword: '34',
  name: '36',
  string: '32',
  number: '33',
  comment: '90',
  strong: '1',
  quiet: '90',
  good: '32',
  bad: '31',
  caution: '33',
}
