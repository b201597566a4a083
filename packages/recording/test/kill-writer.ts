import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Entry } from '@querywarden/policy-core'
import { fileRecorder } from '../src/index.ts'
import { rowsOf } from './rows-fixtures.ts'
import { change, intent, opening, optionsFor } from './writer-fixtures.ts'

const repeated = intent(0, 'select a from t where b = $1')
/** Statements seen before and new ones, short and long, and now and then one that changes data. */
function entry(n: number): Entry {
  if (n % 17 === 0) return change(n, `update t set a = ${n}`)
  return n % 3 === 0 ? intent(n, `select ${n} -- ${'x'.repeat((n * 37) % 900)}`) : { ...repeated, statement: n }
}

/**
 * Records until it is killed, in several sessions at once, and says on standard output which entries were acknowledged
 * as safe from that: `<session> <statement> intent|outcome`. Written in one system call, so that what was said was said.
 * In the standard tier outcomes are promised within milliseconds, so nothing is said of them.
 */
async function main(dir: string, durability: 'standard' | 'strict'): Promise<void> {
  const recorder = await fileRecorder(optionsFor(dir, { durability, quotaBytes: 2 ** 30 }))
  const endless = async (lane: number): Promise<void> => {
    for (let round = 0; ; round++) {
      const session = `${recorder.boot}-${lane}-${round}`
      const recording = await recorder.record(opening({ session }))
      for (let n = 1; n <= 40; n++) {
        await recording.append(entry(n))
        writeSync(1, `${session} ${n} intent\n`)
        // Few rows and many, in parts.
        const [part, parts] = [n % 5 === 0 ? 200_000 : 1_500, n % 4]
        for (let at = 0; at < parts; at++) {
          const rows = rowsOf(n, part, { columns: null })
          await recording.append({ ...rows, first: at * rows.rows })
        }
        // Says how many parts there were.
        await recording.append({
          kind: 'completion',
          statement: n,
          completion: { kind: 'not-run', why: String(parts) },
        })
        if (durability === 'strict') writeSync(1, `${session} ${n} outcome\n`)
        // As a database would have it: other sessions get their turn, and now and then there is nothing to do.
        await wait(n % 13 === 0 ? 10 : 0)
      }
      await recording.close('client-left')
    }
  }
  await Promise.all([endless(1), endless(2), endless(3)])
}

await main(process.argv[2] ?? '', process.argv[3] === 'strict' ? 'strict' : 'standard')
