import { randomBytes } from 'node:crypto'
import { access, chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Binaries, settle } from './binaries.ts'
import { cacheDir } from './cache-dir.ts'
import { run } from './run.ts'
import { serverUser } from './server-user.ts'

/** An initialised data directory to copy from, and the superuser's password in it. */
export interface Template {
  readonly dataDir: string
  readonly password: string
}

/** Part of the template's name: raise it when the arguments of initdb change. */
const TEMPLATE_REVISION = 1

/**
 * The initialised data directory of a version, made once per user and machine: initdb takes most of the time that a
 * first start does. Its password is random and readable by its maker alone; each server gets one of its own.
 */
export async function template(binaries: Binaries, onProgress: (message: string) => void): Promise<Template> {
  const cache = await cacheDir()
  const home = join(cache, `template-${binaries.version}-${TEMPLATE_REVISION}`)
  const isComplete = () =>
    access(join(home, 'password')).then(
      () => true,
      () => false,
    )
  if (!(await isComplete())) {
    onProgress(`initialising PostgreSQL ${binaries.version}`)
    await settle(await initialised(cache, binaries), home, isComplete)
  }
  return { dataDir: join(home, 'data'), password: await readFile(join(home, 'password'), 'utf8') }
}

async function initialised(cache: string, binaries: Binaries): Promise<string> {
  const home = await mkdtemp(join(cache, 'initialising-'))
  try {
    const dataDir = join(home, 'data')
    const passwordFile = join(home, 'password')
    await mkdir(dataDir, { mode: 0o700 })
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
    if (serverUser) {
      await chmod(home, 0o711)
      await chown(dataDir, serverUser.uid, serverUser.gid)
      await chown(passwordFile, serverUser.uid, serverUser.gid)
    }
    await run(
      join(binaries.binDir, 'initdb'),
      [
        `--pgdata=${dataDir}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-locale',
        '--no-sync',
      ],
      dataDir,
    )
    if (serverUser) await chown(passwordFile, 0, 0)
    return home
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
}
