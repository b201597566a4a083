// A Node proxy that does nothing: what any proxy in Node must cost at least. Started by the benchmarks, one argument a port.
import { connect, createServer } from 'node:net'

const upstream = Number(process.argv[2])
const server = createServer({ noDelay: true }, client => {
  const database = connect({ port: upstream, host: '127.0.0.1', noDelay: true })
  client.pipe(database).pipe(client)
  for (const [one, other] of [
    [client, database],
    [database, client],
  ])
    one.on('error', () => other.destroy()).on('close', () => other.destroy())
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
