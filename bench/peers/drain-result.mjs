// One large result through a route (see routes.mjs).
import pg from 'pg'
import { resident } from './processes.mjs'

const SAMPLE_MS = 20

/**
 * Reads the whole result without looking at it: the client must not be what is measured. Gives the milliseconds it took, the
 * rate in MB/s, and by how many MiB the route's process grew.
 */
export async function drainResult({ port, password, pid, tls: isSecured }, { sql, bytesMin }) {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'bench',
    ssl: isSecured ? { rejectUnauthorized: false } : false,
  })
  // Cutting the connection off, as this does in the end, is an error to the driver.
  client.on('error', () => undefined)
  await client.connect()
  const { stream } = client.connection
  stream.removeAllListeners('data')
  const before = pid === null ? 0 : resident({ pid })
  let peak = before
  const sampling = setInterval(() => {
    if (pid !== null) peak = Math.max(peak, resident({ pid }))
  }, SAMPLE_MS)
  const query = Buffer.from(`${sql}\0`)
  const header = Buffer.from([0x51, 0, 0, 0, query.length + 4])
  const started = performance.now()
  let bytes = 0
  await new Promise((resolve, reject) => {
    stream.on('data', chunk => {
      bytes += chunk.length
      // ReadyForQuery is the last message, and its five bytes before the status look like nothing in these rows.
      if (chunk.length >= 6 && chunk.readUInt8(chunk.length - 6) === 0x5a && chunk.readInt32BE(chunk.length - 5) === 5)
        resolve()
    })
    stream.once('close', () => reject(new Error('the connection was closed')))
    stream.write(Buffer.concat([header, query]))
  })
  const ms = performance.now() - started
  clearInterval(sampling)
  stream.destroy()
  if (bytes < bytesMin) throw new Error(`only ${bytes} bytes came`)
  return { ms, rate: bytes / ms / 1_000, grown: (peak - before) / 1_048_576 }
}
