import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { fileRecorder, s3Store, uploadSink } from '../../src/index.ts'
import { optionsFor, systemClock } from '../writer-fixtures.ts'

/** Uploads what is in a directory until it is killed, and says on standard output each time that the store has answered. */
async function main(dir: string, endpoint: string, region: string, accessKeyId: string, secretAccessKey: string) {
  const store = s3Store({
    endpoint,
    region,
    bucket: 'recordings',
    prefix: 'gateway',
    addressing: 'path',
    credentials: async () => ({ accessKeyId, secretAccessKey, sessionToken: null }),
    fetch: async (url, init) => {
      const answer = await fetch(url, init)
      writeSync(1, `${init.method}\n`)
      await wait(2)
      return answer
    },
    deadline: ms => AbortSignal.timeout(ms),
    sleep: ms => wait(ms),
    random: Math.random,
    now: Date.now,
  })
  const recorder = await fileRecorder(optionsFor(dir))
  const sink = uploadSink({
    dir,
    boot: recorder.boot,
    store,
    lock: null,
    keepLocal: process.argv[7] !== 'remove',
    account: recorder.account,
    clock: systemClock,
    sleep: ms => wait(ms),
    partBytes: 8_192,
    logEveryMs: 0,
  })
  await sink.pass()
  await recorder.close()
  writeSync(1, 'done\n')
}

const [, , dir = '', endpoint = '', region = '', accessKeyId = '', secret = ''] = process.argv
await main(dir, endpoint, region, accessKeyId, secret)
