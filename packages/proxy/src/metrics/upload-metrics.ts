import type { UploadState } from '@querywarden/recording'
import { Counter, Gauge, type Registry } from 'prom-client'

/** How uploads are doing, by what they say when somebody looks. */
export function uploadMetrics(registry: Registry, state: () => UploadState): void {
  const gauge = (name: string, help: string, read: (state: UploadState) => number, aggregator: 'sum' | 'max' = 'sum') =>
    new Gauge({
      name,
      help,
      registers: [registry],
      aggregator,
      collect() {
        this.set(read(state()))
      },
    })
  const counter = (name: string, help: string, read: (state: UploadState) => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read(state()))
      },
    })
  gauge('querywarden_upload_waiting', 'Recordings that have ended and are not uploaded yet.', ({ waiting }) => waiting)
  gauge('querywarden_upload_waiting_bytes', 'Their bytes.', ({ waitingBytes }) => waitingBytes)
  gauge(
    'querywarden_upload_lag_seconds',
    'For how long something has been waiting to be uploaded.',
    ({ lagMs }) => lagMs / 1_000,
    'max',
  )
  gauge('querywarden_upload_failing', 'Whether the last upload failed.', ({ failure }) => (failure === null ? 0 : 1))
  counter('querywarden_uploads_total', 'Recordings that were uploaded.', ({ stored }) => stored)
  counter('querywarden_upload_bytes_total', 'Their bytes.', ({ storedBytes }) => storedBytes)
}
