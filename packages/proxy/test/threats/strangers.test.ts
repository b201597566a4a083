import { connect, type Socket } from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from '../governed-database.ts'

/** As many strangers as 16 sessions make room for, and the part of them that one address may have. */
const ADDRESSES = [11, 12, 13, 14]
const OF_EACH = 16

let governed: Governed
beforeAll(async () => {
  governed = await govern({ more: 'limits: { sessions: 16, failed_logins_per_minute: 40 }' })
}, 90_000)
afterAll(() => governed.stop())

/** Connections that say nothing, from addresses of this host; those that are closed come again. */
class Silence {
  readonly #sockets = new Set<Socket>()
  #isOver = false
  connected = 0

  hold(n: number): void {
    const socket = connect({ ...governed.gateway.postgres, localAddress: `127.0.0.${n}` })
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('connect', () => {
      this.connected += 1
    })
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (!this.#isOver) setTimeout(() => this.hold(n), 20)
    })
  }

  end(): void {
    this.#isOver = true
    for (const socket of this.#sockets) socket.destroy()
  }
}

describe('F29: connections that say nothing', () => {
  test('of a few addresses do not keep everybody else out, however often they come again', async () => {
    const silence = new Silence()
    for (const n of ADDRESSES) for (let i = 0; i < OF_EACH; i++) silence.hold(n)
    while (silence.connected < ADDRESSES.length * OF_EACH) await new Promise(resolve => setTimeout(resolve, 20))
    try {
      for (let i = 0; i < 10; i++) {
        const client = new Client(await governed.connection())
        await client.connect()
        await client.end()
      }
    } finally {
      silence.end()
    }
  }, 30_000)

  test('cost their address an attempt unless they go at once, as those of a balancer do', async () => {
    const from = { ...governed.gateway.postgres, localAddress: '127.0.0.21' }
    for (let i = 0; i < 60; i++) {
      const socket = connect(from).on('error', () => undefined)
      await new Promise(resolve => socket.once('connect', resolve))
      const closed = new Promise(resolve => socket.once('close', resolve))
      socket.destroy()
      await closed
    }
    // Each stays a little longer than a look takes; 16 at once is what one address may have.
    const answers: string[] = []
    for (let round = 0; round < 3; round++) {
      if (round === 2) expect(answers, 'looks cost nothing').toEqual([])
      const sockets = Array.from({ length: 15 }, () => connect(from).on('error', () => undefined))
      for (const socket of sockets) socket.on('data', data => answers.push(data.toString('latin1')))
      await new Promise(resolve => setTimeout(resolve, 1_200))
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    expect(answers.length, '45 connections, and 40 attempts with some more as time passes').toBeGreaterThan(0)
    for (const answer of answers) expect(answer).toContain('too many failed logins from this address')
  }, 30_000)
})
