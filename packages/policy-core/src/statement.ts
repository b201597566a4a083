/** The SQL dialects that Querywarden reads. */
export type Dialect = 'postgres' | 'mysql'

/** A bound parameter, as bytes or text of its type. */
export interface Parameter {
  /** PostgreSQL type OID, or 0 where the client left it to the server. */
  readonly typeOid: number
  readonly format: 'text' | 'binary'
  readonly value: Uint8Array | string | null
}

/** One SQL statement, after splitting; never a string that may hold several. */
export interface Statement {
  readonly dialect: Dialect
  readonly text: string
  readonly params: readonly Parameter[]
}

/** A stretch of a statement's text, as offsets into its UTF-8 bytes: `start` inclusive, `end` exclusive. */
export interface Place {
  readonly start: number
  readonly end: number
}
