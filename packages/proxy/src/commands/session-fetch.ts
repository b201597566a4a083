import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { issuesOf, knownKeys, PolicyError, type SecretRef } from '@querywarden/policy-core'
import { formatIssues, readYaml } from '@querywarden/policy-core/yaml'
import { fetchRecordings, RecordingError } from '@querywarden/recording'
import * as z from 'zod'
import { ConfigError } from '../config/config-error.ts'
import { loadConfig } from '../config/load.ts'
import { S3, type S3Config, s3Within } from '../config/s3-document.ts'
import { openObjectStore } from '../open-object-store.ts'
import { CommandError, EXIT } from './exit.ts'
import { show, type Terminal } from './terminal.ts'

/** Brings what a bucket holds to a folder, to be verified there. */
export async function sessionsFetch(
  terminal: Terminal,
  dir: string,
  options: { readonly from?: string; readonly config: string },
): Promise<number> {
  const s3 = options.from === undefined ? uploadedTo(options.config) : readBucket(options.from)
  const store = openObjectStore(s3, process.env)
  const report = await fetchRecordings({ store, dir }).catch((error: unknown) => {
    throw error instanceof RecordingError ? new CommandError(EXIT.finding, error.message) : error
  })
  const { recordings, logs, checkpoints, bytes, differing, passedOver } = report
  show(terminal, { place: store.place, dir, ...report }, () => [
    `${recordings} recordings, ${logs} logs and ${checkpoints} anchored checkpoints of ${store.place} are in ${dir} (${bytes} bytes read)`,
    ...differing.map(file => `DIFFERS  ${file} is not what the bucket holds; it was left as it is`),
    ...(passedOver === 0 ? [] : [`${passedOver} objects that are none of a gateway's were passed over`]),
    `nothing of it is believed yet; check it with: querywarden sessions verify --dir ${dir} --all`,
  ])
  return differing.length === 0 ? EXIT.ok : EXIT.finding
}

function uploadedTo(file: string): S3Config {
  const { upload } = loadConfig(file).recording
  if (upload !== null) return upload.s3
  throw new CommandError(
    EXIT.misuse,
    `\`${file}\` has no \`recording.upload\`: name a configuration that has with -c, or a file with \`s3:\` alone with --from`,
  )
}

const knownBucket = { s3: S3 }
const BucketDocument = z.strictObject(knownBucket, knownKeys(knownBucket))

/** Reads a file that has `s3:` alone: who looks into a bucket has no gateway. */
export function readBucket(file: string): S3Config {
  const read = (): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      throw new ConfigError('UNREADABLE', `file \`${file}\` can't be read`)
    }
  }
  const at = (ref: SecretRef): SecretRef =>
    ref.kind === 'file' ? { kind: 'file', path: resolve(dirname(file), ref.path) } : ref
  return readYaml(read(), {
    file,
    parse: input => {
      const parsed = BucketDocument.safeParse(input)
      if (!parsed.success) throw new PolicyError(issuesOf(parsed.error.issues, input))
      return s3Within(parsed.data.s3, at)
    },
    fail: issues => new ConfigError('INVALID', formatIssues(issues)),
  })
}
