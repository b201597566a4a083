import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { uuidv7 } from 'uuidv7'
import { checkBucket } from '../check-bucket.ts'
import type { AnchorConfig, CheckpointsConfig } from '../config/config.ts'
import { openAnchor, openSigner } from '../open-checkpoints.ts'
import { openObjectStore } from '../open-object-store.ts'

const WITNESS_MS_MAX = 5_000
/** Not a checkpoint: what it is signed with says nothing about any log. */
const TRIAL = Buffer.from('querywarden doctor\n')

/** Has the signer sign something. */
export async function checkSigner(config: CheckpointsConfig, env: NodeJS.ProcessEnv): Promise<string> {
  const signer = openSigner(config, env)
  await signer.sign(TRIAL)
  return `signs as ${signer.verifierKey}`
}

/** What an anchor is called in findings. */
export function anchorTitle(anchor: AnchorConfig): string {
  switch (anchor.kind) {
    case 'folder':
      return anchor.dir
    case 'witness':
      return anchor.url
    case 's3':
      return `bucket ${anchor.s3.bucket}`
  }
}

/** Looks whether an anchor could keep something. */
export async function checkAnchor(anchor: AnchorConfig, env: NodeJS.ProcessEnv): Promise<string> {
  openAnchor(anchor, env)
  switch (anchor.kind) {
    case 'folder':
      await access(anchor.dir, constants.W_OK | constants.X_OK).catch((error: unknown) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
        throw new Error(`can't be written (${code}): mount it, and let this user add files to it`)
      })
      return 'there, and this user can add to it'
    case 'witness': {
      const url = `${anchor.url.replace(/\/$/, '')}/add-checkpoint`
      // Nothing that it would take: any answer shows that it is there.
      const init = { method: 'POST', body: '', redirect: 'error', signal: AbortSignal.timeout(WITNESS_MS_MAX) } as const
      const response = await fetch(url, init).catch(() => null)
      if (response === null) throw new Error('does not answer')
      return 'answers'
    }
    case 's3':
      return checkBucket(openObjectStore(anchor.s3, env), { lock: anchor.lock, now: Date.now(), id: uuidv7() })
  }
}
