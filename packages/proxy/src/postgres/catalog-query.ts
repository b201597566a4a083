import { BACKEND, decodeDataRow, encodeQuery } from '@querywarden/wire/postgres'
import { UpstreamError } from './upstream-error.ts'
import type { Upstream } from './upstream-login.ts'

/**
 * Runs a query of the gateway's own on a session of its own. The texts are constants of this project; nothing of a
 * client is ever in them.
 */
export async function runOwnQuery({ link }: Upstream, text: string): Promise<readonly (readonly (string | null)[])[]> {
  const rows: (string | null)[][] = []
  let hasFailed = false
  link.write(encodeQuery({ query: text }))
  for (;;) {
    const frame = await link.read()
    if (frame === null)
      throw new UpstreamError('UNREACHABLE', 'the database closed the connection while its schema was read')
    if (frame.tag === BACKEND.dataRow) {
      rows.push(
        decodeDataRow(frame.body).values.map(value => (value === null ? null : Buffer.from(value).toString('utf8'))),
      )
    } else if (frame.tag === BACKEND.errorResponse) {
      hasFailed = true
    } else if (frame.tag === BACKEND.readyForQuery) {
      if (hasFailed) throw new UpstreamError('REFUSED', 'the database refused to show its schema to the gateway')
      return rows
    }
  }
}
