import { writeSync } from 'node:fs'
import { fileRecorder } from '../src/index.ts'
import { done, intent, opening, optionsFor } from './writer-fixtures.ts'

/**
 * Records until it is killed, in several sessions at once, and says on standard output which entries were acknowledged
 * as durable: `<session> <statement> intent|outcome`. Written in one system call, so that what was said was said.
 */
async function main(dir: string): Promise<void> {
  const recorder = await fileRecorder(optionsFor(dir, { durability: 'strict', quotaBytes: 2 ** 30 }))
  const endless = async (lane: number): Promise<void> => {
    for (let round = 0; ; round++) {
      const session = `${recorder.boot}-${lane}-${round}`
      const recording = await recorder.record(opening({ session }))
      for (let n = 1; n <= 40; n++) {
        await recording.append(intent(n, `select ${n} -- ${'x'.repeat((n * 37) % 900)}`))
        writeSync(1, `${session} ${n} intent\n`)
        await recording.append(done(n))
        writeSync(1, `${session} ${n} outcome\n`)
      }
      await recording.close('client-left')
    }
  }
  await Promise.all([endless(1), endless(2), endless(3)])
}

await main(process.argv[2] ?? '')
