import { statfs } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AnchorState } from '@querywarden/recording'
import type { Admission } from './admission.ts'
import type { Config } from './config/config.ts'
import type { Measurements } from './metrics/measured.ts'
import { FREE_BYTES_MIN } from './open-recorder.ts'
import { PolicyMisfit, type TargetService } from './target-service.ts'

export interface ReadinessParts {
  readonly admission: Admission
  readonly measurements: Measurements
  readonly monotonic: () => number
  readonly targets: ReadonlyMap<string, TargetService>
  readonly config: Config
  /** How far the anchors of recordings are. */
  readonly anchors: () => readonly AnchorState[]
}

/** As long as a recorder may have written nothing that it has to write (threats F11). */
const STALL_MS_MAX = 2_000
/** A session that could not be recorded counts for so long; then somebody may try again. */
const FAILURE_MS = 10_000
/** Whoever asks waits no longer for a schema that is being read. */
const SCHEMA_MS_MAX = 1_000

/** Why no new session would be taken or served: each reason in words, none with a secret in it. */
export async function whyNotReady(parts: ReadinessParts): Promise<readonly string[]> {
  const { admission, measurements, monotonic, targets, config } = parts
  const { dir, checkpoints } = config.recording
  const failedAtMs = measurements.recordingFailedAtMs()
  const stalledMs = measurements.recorderStalledMs()
  const reasons = [
    admission.isOpen ? null : 'the gateway is shutting down',
    admission.shedding,
    stalledMs > STALL_MS_MAX ? `recordings are ${Math.round(stalledMs / 1_000)} s behind` : null,
    failedAtMs !== null && monotonic() - failedAtMs < FAILURE_MS ? 'a session could not be recorded just now' : null,
    ...parts.anchors().map(state => whyBehind(state, checkpoints?.graceMs ?? 0)),
    ...(await Promise.all([
      whyNoSpace(dir),
      ...[...targets.values()].map(target => whyNoSchema(target, config.limits.catalogMaxAgeMs)),
    ])),
  ]
  return reasons.filter(reason => reason !== null)
}

const whyBehind = ({ anchor, lagMs }: AnchorState, graceMs: number): string | null =>
  lagMs > graceMs ? `anchor ${anchor} is ${Math.round(lagMs / 1_000)} s behind the recordings` : null

async function whyNoSpace(dir: string): Promise<string | null> {
  try {
    const { bavail, bsize } = await statfs(dir)
    return bavail * bsize < FREE_BYTES_MIN ? 'there is too little space for recordings' : null
  } catch {
    return 'the recordings directory can not be read'
  }
}

/** Targets that were well when they were last looked at: asking again and again must not read their schemas as often. */
const wasWell = new WeakSet<TargetService>()

async function whyNoSchema(target: TargetService, maxAgeMs: number): Promise<string | null> {
  const ageMs = target.schemaAgeMs()
  if (wasWell.has(target) && ageMs !== null && ageMs < maxAgeMs) return null
  wasWell.delete(target)
  const why = await whyUnknown(target)
  if (why === null) wasWell.add(target)
  return why
}

async function whyUnknown(target: TargetService): Promise<string | null> {
  const { name } = target.target
  const late = new AbortController()
  try {
    const known = target.catalog().then(() => true)
    const tired = sleep(SCHEMA_MS_MAX, false, { signal: late.signal, ref: false })
    tired.catch(() => undefined)
    return (await Promise.race([known, tired])) ? null : `the schema of target \`${name}\` is still being read`
  } catch (error) {
    return error instanceof PolicyMisfit
      ? `the policy does not fit the schema of target \`${name}\``
      : `the schema of target \`${name}\` can't be read`
  } finally {
    late.abort()
  }
}
