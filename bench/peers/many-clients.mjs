// Many clients of one gateway in one process: node many-clients.mjs PORT COUNT idle|slow [CA]. Logs them in, prints
// "ready N", and holds them. A slow one asks for a large result and takes 16 KiB of it a second. On each line of input it
// asks all idle ones for something and prints "answered N", or prints how much slow ones got: "read BYTES LEAST".
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { encodePassword, encodeQuery, encodeSslRequest, encodeStartup } from '@querywarden/wire/postgres'

const [port, count] = process.argv.slice(2, 4).map(Number)
const [mode, ca] = process.argv.slice(4)
const token = process.env.BENCH_TOKEN
const AT_ONCE = 24
/** Goes upstream, so that the scripted database knows a session of a client from the gateway's own. */
const MARK = 'Africa/Abidjan'

const clients = []
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (clients.length < count) {
      const client = { socket: null, bytes: 0 }
      clients.push(client)
      client.socket = await logIn()
    }
  }),
)
if (mode === 'slow') for (const client of clients) readSlowly(client)
console.log(`ready ${clients.filter(({ socket }) => !socket.destroyed).length}`)

createInterface({ input: process.stdin }).on('line', async () => {
  if (mode === 'slow') {
    const amounts = clients.map(({ bytes }) => bytes)
    console.log(`read ${amounts.reduce((sum, one) => sum + one, 0)} ${Math.min(...amounts)}`)
    return
  }
  const answers = await Promise.all(clients.map(({ socket }) => ask(socket)))
  console.log(`answered ${answers.filter(Boolean).length}`)
})

async function logIn() {
  for (let tries = 0; ; tries++) {
    const socket = await open().catch(() => null)
    if (socket !== null && (await isLetIn(socket))) return socket
    socket?.destroy()
    if (tries > 200) throw new Error('the gateway lets nobody in')
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function open() {
  const plain = connect({ port, host: '127.0.0.1', noDelay: true })
  plain.on('error', () => undefined)
  await once(plain, 'connect')
  if (ca === undefined) return plain
  plain.write(encodeSslRequest())
  const [answer] = await once(plain, 'data')
  if (answer.toString() !== 'S') throw new Error('the gateway has no TLS')
  const secured = connectTls({ socket: plain, ca: readFileSync(ca), host: 'localhost' })
  secured.on('error', () => undefined)
  await once(secured, 'secureConnect')
  return secured
}

function once(socket, event) {
  return new Promise((resolve, reject) => {
    socket.once(event, (...args) => resolve(args))
    socket.once('close', () => reject(new Error('closed')))
  })
}

async function isLetIn(socket) {
  socket.write(encodeStartup(new Map(Object.entries({ user: 'bench', database: 'bench', timezone: MARK }))))
  await once(socket, 'data').catch(() => undefined)
  socket.write(encodePassword({ password: token }))
  return isReady(socket)
}

function ask(socket) {
  socket.write(encodeQuery({ query: '' }))
  return isReady(socket)
}

/** Whether ReadyForQuery comes, at the end of what does. */
function isReady(socket) {
  return new Promise(resolve => {
    const done = so => {
      socket.off('data', onData).off('close', onClose)
      resolve(so)
    }
    const onData = chunk => {
      if (chunk.length >= 6 && chunk[chunk.length - 6] === 0x5a) done(true)
    }
    const onClose = () => done(false)
    socket.on('data', onData).on('close', onClose)
  })
}

function readSlowly(client) {
  const { socket } = client
  socket.pause()
  socket.write(encodeQuery({ query: "select repeat('x', 1000), generate_series(1, 1000000)" }))
  socket.on('readable', () => undefined)
  setInterval(() => {
    const chunk = socket.read(16_384) ?? socket.read()
    client.bytes += chunk?.length ?? 0
  }, 1_000)
}
