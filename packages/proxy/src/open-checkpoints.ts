import {
  type Anchor,
  type CheckpointEvent,
  type CheckpointOptions,
  type CheckpointSigner,
  commandSigner,
  folderAnchor,
  keySigner,
  objectStoreAnchor,
  RecordingError,
  witnessAnchor,
} from '@querywarden/recording'
import type { AnchorConfig, CheckpointsConfig } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import type { Log } from './log.ts'
import { openObjectStore } from './open-object-store.ts'
import { runCommand } from './run-command.ts'

/** As long as a witness may take to answer. */
const WITNESS_MS_MAX = 15_000

/**
 * Opens what signs checkpoints and where they are kept.
 * @throws {ConfigError} a key can't be used.
 */
export function openCheckpoints(config: CheckpointsConfig, env: NodeJS.ProcessEnv, log: Log): CheckpointOptions {
  return {
    signer: openSigner(config, env),
    anchors: config.anchors.map(anchor => openAnchor(anchor, env)),
    everyMs: config.everyMs,
    graceMs: config.graceMs,
    report: event => logEvent(event, log),
  }
}

/** @throws {ConfigError} the key can't be used, or is not the one that is named. */
export function openSigner({ name, signer }: CheckpointsConfig, env: NodeJS.ProcessEnv): CheckpointSigner {
  const opened = usable('recording.checkpoints.signer', () =>
    signer.kind === 'command'
      ? commandSigner({ ...signer, runCommand })
      : keySigner({ name: name ?? '', pem: readSecret(signer.key, env) }),
  )
  if (name === null || name === opened.name) return opened
  throw new ConfigError(
    'INVALID',
    `recording.checkpoints.name is \`${name}\`, and the public_key of its signer is that of \`${opened.name}\`: make them one`,
  )
}

/** @throws {ConfigError} its key is none, or a secret can't be read. */
export function openAnchor(config: AnchorConfig, env: NodeJS.ProcessEnv): Anchor {
  switch (config.kind) {
    case 'folder':
      return folderAnchor(config.dir)
    case 'witness':
      return usable('recording.checkpoints.anchors', () => witnessAnchor({ ...config, fetch: fetchSoon }))
    case 's3':
      return objectStoreAnchor(openObjectStore(config.s3, env), { lock: config.lock, now: Date.now })
  }
}

const fetchSoon: typeof fetch = (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(WITNESS_MS_MAX) })

function usable<T>(key: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof RecordingError) throw new ConfigError('INVALID', `${key}: ${error.message}`)
    throw error
  }
}

function logEvent(event: CheckpointEvent, log: Log): void {
  const { kind, place } = event
  if (kind === 'recovered') log.info({ place }, 'checkpoints of the recordings are well here again')
  else if (kind === 'failed')
    log.warn({ place, why: event.why }, 'checkpoints of the recordings fail here; it is tried again')
  else
    log.error(
      { place, why: event.why },
      'an anchor has been behind for too long: no session opens and no statement begins until it is reached again',
    )
}
