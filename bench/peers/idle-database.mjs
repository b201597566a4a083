// A database that lets sessions in and then says nothing, for benchmarks of more sessions than PostgreSQL would hold on one
// machine: node idle-database.mjs PORT. What isn't marked as a client's session is passed on to the PostgreSQL at PORT, so
// that the gateway can read a schema. Logs in by SCRAM-SHA-256 as the gateway demands (RFC 5802); prints its port.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import {
  decodeSaslInitialResponse,
  decodeSaslResponse,
  EMPTY_QUERY_RESPONSE,
  encodeAuthentication,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodeReadyForQuery,
} from '@querywarden/wire/postgres'

const real = Number(process.argv[2])
const MARK = 'Africa/Abidjan'
const SALT = randomBytes(16)
const ITERATIONS = 4_096
const salted = pbkdf2Sync(process.env.BENCH_PASSWORD, SALT, ITERATIONS, 32, 'sha256')
const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
const clientKey = hmac(salted, 'Client Key')
const serverKey = hmac(salted, 'Server Key')
const storedKey = createHash('sha256').update(clientKey).digest()

const GREETING = Buffer.concat([
  encodeAuthentication({ kind: 'ok' }),
  ...Object.entries({
    server_version: '18.0',
    server_encoding: 'UTF8',
    client_encoding: 'UTF8',
    standard_conforming_strings: 'on',
    TimeZone: 'UTC',
    DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres',
    integer_datetimes: 'on',
    in_hot_standby: 'off',
  }).map(([name, value]) => encodeParameterStatus({ name, value })),
  encodeBackendKeyData({ processId: 1, secretKey: new Uint8Array(4) }),
  encodeReadyForQuery({ status: 'idle' }),
])

const server = createServer({ noDelay: true }, socket => {
  socket.on('error', () => undefined)
  socket.once('data', first => (first.includes(MARK) ? letIn(socket) : passOn(socket, first)))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

function passOn(socket, first) {
  const database = connect({ port: real, host: '127.0.0.1', noDelay: true })
  database.write(first)
  socket.pipe(database).pipe(socket)
  database.on('error', () => socket.destroy()).on('close', () => socket.destroy())
  socket.on('close', () => database.destroy())
}

function letIn(socket) {
  socket.write(encodeAuthentication({ kind: 'sasl', mechanisms: ['SCRAM-SHA-256'] }))
  let clientFirst = ''
  let serverFirst = ''
  let step = 0
  socket.on('data', chunk => {
    step += 1
    const body = chunk.subarray(5)
    if (step === 1) {
      clientFirst = Buffer.from(decodeSaslInitialResponse(body).response ?? [])
        .toString()
        .replace(/^n,,/, '')
      const nonce = `${/r=([^,]+)/.exec(clientFirst)[1]}${randomBytes(9).toString('base64')}`
      serverFirst = `r=${nonce},s=${SALT.toString('base64')},i=${ITERATIONS}`
      socket.write(encodeAuthentication({ kind: 'sasl-continue', data: Buffer.from(serverFirst) }))
    } else if (step === 2) {
      const final = Buffer.from(decodeSaslResponse(body).data).toString()
      const [withoutProof, proof] = final.split(',p=')
      const message = `${clientFirst},${serverFirst},${withoutProof}`
      const signature = hmac(storedKey, message)
      const key = Buffer.from(proof, 'base64').map((byte, i) => byte ^ signature[i])
      if (!createHash('sha256').update(key).digest().equals(storedKey)) return socket.destroy()
      const verifier = hmac(serverKey, message).toString('base64')
      socket.write(
        Buffer.concat([encodeAuthentication({ kind: 'sasl-final', data: Buffer.from(`v=${verifier}`) }), GREETING]),
      )
    } else {
      // Nothing but empty statements is asked here.
      socket.write(Buffer.concat([EMPTY_QUERY_RESPONSE, encodeReadyForQuery({ status: 'idle' })]))
    }
    return undefined
  })
}
