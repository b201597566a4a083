import { createServer } from 'node:net'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { govern } from '../governed-database.ts'

test('F19: a client is told that the database hangs before its own time for a login is over', async () => {
  const silent = createServer(socket => socket.on('error', () => undefined).resume())
  const governed = await govern({
    more: 'limits: { login_seconds: 2 }',
    via: async () => {
      await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
      const address = silent.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    },
  })
  try {
    for (let i = 0; i < 2; i++) {
      const client = new Client(await governed.connection())
      client.on('error', () => undefined)
      await expect(client.connect()).rejects.toMatchObject({
        code: '08006',
        message: 'the database did not take the login in time',
      })
    }
  } finally {
    await governed.stop()
    silent.close()
  }
}, 60_000)
