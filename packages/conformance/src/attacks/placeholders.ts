import { tmpdir } from 'node:os'

/** What `{{DB}}` and `{{PORT}}` stand for: the attacked database, and the port at which its server listens. */
export interface Places {
  readonly database: string
  readonly serverPort: number
}

/** Fills in the placeholders of a case. None of the values needs escaping, in SQL or in JSON. */
export const filledIn = (text: string, { database, serverPort }: Places): string =>
  text.replaceAll('{{DB}}', database).replaceAll('{{PORT}}', String(serverPort)).replaceAll('{{TMP}}', tmpdir())
