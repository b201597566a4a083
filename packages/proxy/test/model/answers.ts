import {
  decodeCommandComplete,
  decodeErrorResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeRowDescription,
} from '@querywarden/wire/postgres'

/** What came back: a message, or that the other side closed, or that nothing came for long. */
export interface Answer {
  readonly tag: string
  readonly body: Buffer
}

export const CLOSED: Answer = { tag: 'closed', body: Buffer.alloc(0) }
export const SILENCE: Answer = { tag: 'silence', body: Buffer.alloc(0) }

/** What differs between two servers that are otherwise alike, and what the gateway never passes on (P10). */
const UNREPORTED: ReadonlySet<string> = new Set([
  'application_name',
  'is_superuser',
  'session_authorization',
  'scram_iterations',
  'search_path',
])

/** May come at any place. */
export const isAsynchronous = ({ tag }: Answer): boolean => tag === 'N' || tag === 'S' || tag === 'A'

export const isDropped = ({ tag, body }: Answer): boolean =>
  tag === 'A' || (tag === 'S' && UNREPORTED.has(decodeParameterStatus(body).name))

/** An error in the gateway's own words: only the server names the place in its source that raised it. */
export const isOfGateway = ({ tag, body }: Answer): boolean => tag === 'E' && !decodeErrorResponse(body).fields.has('R')

export const sqlstateOf = ({ body }: Answer): string => decodeErrorResponse(body).fields.get('C') ?? ''
export const messageOf = ({ body }: Answer): string => decodeErrorResponse(body).fields.get('M') ?? ''

/** All of an answer that must be the same on both routes. */
export function lineOf({ tag, body }: Answer): string {
  switch (tag) {
    case 'E':
    case 'N': {
      const { fields } = decodeErrorResponse(body)
      const place = fields.get('P')
      return `${tag} ${fields.get('V')} ${fields.get('C')} ${withoutNames(fields.get('M') ?? '')}${place === undefined ? '' : ` @${place}`}`
    }
    case 'C':
      return `C ${decodeCommandComplete(body).tag}`
    case 'Z':
      return `Z ${decodeReadyForQuery(body).status}`
    case 'S': {
      const { name, value } = decodeParameterStatus(body)
      return `S ${name}=${value}`
    }
    case 't':
      return `t ${decodeParameterDescription(body).types.join()}`
    case 'T':
      // A relation's number may be another in another database.
      return `T ${decodeRowDescription(body)
        .fields.map(
          ({ name, typeOid, typeSize, attnum, format }) => `${name}:${typeOid}:${typeSize}:${attnum}:${format}`,
        )
        .join()}`
    default:
      return body.length === 0 ? tag : `${tag} ${body.toString('latin1').replaceAll('\0', '.')}`
  }
}

/** The gateway has names of its own for what clients name. */
const withoutNames = (text: string): string =>
  text.replaceAll(/((?:prepared statement|portal|cursor) )"[^"]*"/g, '$1"…"')
