// Packs the public packages the way they are published. Builds those that aren't built.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const ROOT = resolve(import.meta.dirname, '..')

/** @typedef {{ name: string, folder: string, tarball: string, exports: string[] }} Packed */

/** Runs the package manager at the version that the workspace names. */
const pnpm = (args, cwd) => {
  const { packageManager } = readManifest(ROOT)
  return run('npx', ['-y', packageManager, ...args], { cwd, maxBuffer: 64 * 1024 * 1024 })
}

const readManifest = folder => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/**
 * The folders of the packages that get published.
 * @returns {string[]}
 */
export const publicFolders = () =>
  readdirSync(join(ROOT, 'packages'))
    .map(name => join(ROOT, 'packages', name))
    .filter(folder => existsSync(join(folder, 'package.json')) && readManifest(folder).private !== true)

/**
 * Packs every public package into a folder.
 * @param {string} into
 * @returns {Promise<Packed[]>}
 */
export async function packAll(into) {
  mkdirSync(into, { recursive: true })
  /** @type {Packed[]} */
  const packed = []
  for (const folder of publicFolders()) {
    if (!isBuilt(folder)) await pnpm(['run', 'build'], folder)
    const { stdout } = await pnpm(['pack', '--json', '--pack-destination', into], folder)
    const { name, filename } = JSON.parse(stdout.slice(stdout.indexOf('{')))
    packed.push({ name, folder, tarball: resolve(into, filename), exports: exportsOf(folder) })
  }
  return packed
}

/** Whether every file that the published package promises is there. */
function isBuilt(folder) {
  const targets = Object.values(readManifest(folder).publishConfig?.exports ?? {}).flatMap(target =>
    typeof target === 'string' ? [target] : Object.values(target),
  )
  return targets.every(target => existsSync(join(folder, target)))
}

const exportsOf = folder =>
  Object.keys(readManifest(folder).exports ?? {}).filter(subpath => subpath !== './package.json')
