import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@querywarden/policy-core'
import {
  type FileRecorder,
  keepRetention,
  type ObjectStore,
  type RetentionReport,
  type UploadSink,
  type UploadState,
  uploadSink,
} from '@querywarden/recording'
import type { Registry } from 'prom-client'
import type { RecordingConfig } from './config/config.ts'
import type { Log } from './log.ts'
import { uploadMetrics } from './metrics/upload-metrics.ts'

/** What becomes of recordings that have ended: uploaded, and removed by age. */
export interface Keeping {
  /** To be called before the recorder is closed. */
  readonly stop: () => Promise<void>
  /** To be called after it was: its log has its last entry. */
  readonly finish: () => Promise<void>
}

/** As long as a stop waits for what is being uploaded; the rest is for the next start. */
const STOP_MS_MAX = 4_000
const FINISH_MS_MAX = 4_000
/** How often it is looked whether uploads fail, or work again. */
const LOOK_MS = 5_000

interface KeepingParts {
  readonly config: RecordingConfig
  readonly recorder: FileRecorder
  /** Where they are uploaded to; null where they aren't. */
  readonly store: ObjectStore | null
  readonly clock: Clock
  readonly log: Log
  readonly registry: Registry
}

/** Begins to upload and to remove, as the configuration has it, beside what is recorded. */
export function keepRecordings(parts: KeepingParts): Keeping {
  const uploads = startUploads(parts)
  const stopRetention = startRetention(parts)
  return {
    stop: async () => {
      stopRetention()
      await uploads?.stop(STOP_MS_MAX)
    },
    finish: async () => uploads?.finish(FINISH_MS_MAX),
  }
}

const pause = (ms: number): Promise<void> => sleep(ms, undefined, { ref: false })

function startUploads({ config, recorder, store, clock, log, registry }: KeepingParts): UploadSink | null {
  const { upload, dir } = config
  if (upload === null || store === null) return null
  const uploads = uploadSink({
    dir,
    boot: recorder.boot,
    store,
    lock: upload.lock,
    keepLocal: upload.keepLocal,
    account: recorder.account,
    clock,
    sleep: pause,
  })
  uploadMetrics(registry, uploads.state)
  const telling = setInterval(tellingChanges(uploads.state, log), LOOK_MS).unref()
  uploads.start()
  return {
    ...uploads,
    stop: async msMax => {
      clearInterval(telling)
      // What has ended just now, as far as it can be done.
      await Promise.race([uploads.pass().catch(() => undefined), pause(msMax)])
      await uploads.stop(msMax)
    },
  }
}

/** Says once that uploading fails, and once that it works again. */
function tellingChanges(state: () => UploadState, log: Log): () => void {
  let told: string | null = null
  return () => {
    const { failure, waiting, lagMs } = state()
    if (failure === told) return
    if (failure !== null) {
      log.warn({ why: failure, waiting, lagMs }, 'recordings can not be uploaded; they stay here until they can')
    } else log.info({ waiting }, 'recordings are uploaded again')
    told = failure
  }
}

function startRetention({ config, recorder, clock, log }: KeepingParts): () => void {
  const { retention, upload, dir } = config
  if (retention === null) return () => undefined
  const sweep = keepRetention({
    dir,
    boot: recorder.boot,
    ...retention,
    onlyStored: upload !== null,
    account: recorder.account,
    clock,
    sleep: pause,
    onPass: report => logRetention(report, log),
  })
  sweep.start()
  return sweep.stop
}

function logRetention({ retired, shredded, kept, held, failure }: RetentionReport, log: Log): void {
  for (const recording of shredded)
    log.info({ recording }, 'the values of this recording are old; their key is destroyed')
  for (const recording of retired) log.info({ recording }, 'this recording is old; it is removed')
  for (const { recording, why } of kept) log.warn({ recording, why }, 'this recording is old, and stays')
  if (held !== null) {
    const [from, to] = [new Date(held.from).toISOString(), new Date(held.to).toISOString()]
    log.warn(
      { why: `nothing was recorded from ${from} to ${to}` },
      'nothing is removed by age for a day: the clock may have jumped ahead. Check it',
    )
  }
  if (failure !== null) log.error({ why: failure }, 'what is old could not be removed')
}
