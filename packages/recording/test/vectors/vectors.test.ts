import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folderAnchorSource, verifyDirectory } from '../../src/index.ts'
import * as independent from '../../verifier/verify.mjs'
import { temporaryDir } from '../fixtures.ts'
import { opinionOf, otherOpinionOf } from '../tamper/opinions.ts'
import { describeVectors } from './describe-vectors.ts'
import { makeVectors, SIGNER, VECTORS } from './make-vectors.ts'

const KEPT = fileURLToPath(new URL('../../vectors', import.meta.url))

/** Every file below a folder, by its path there. */
async function filesBelow(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) found.set(path.slice(folder.length + 1), (await readFile(path)).toString('hex'))
  }
  return found
}

describe('test vectors', () => {
  test('are what the writer writes, byte for byte', async () => {
    const made = await temporaryDir()
    await makeVectors(made)
    const json = `${JSON.stringify(await describeVectors(made), null, 1)}\n`
    if (process.env['QUERYWARDEN_UPDATE_VECTORS'] === '1') {
      await rm(KEPT, { recursive: true, force: true })
      await cp(made, KEPT, { recursive: true })
      await writeFile(join(KEPT, 'vectors.json'), json)
    }
    await writeFile(join(made, 'vectors.json'), json)
    const [expected, found] = [await filesBelow(KEPT), await filesBelow(made)]
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort())
    for (const [file, hex] of expected) expect(found.get(file) === hex, file).toBe(true)
  })

  test.each(Object.keys(VECTORS))('%s: both verifiers say the same of it, alone and with its anchor', async name => {
    const [dir, anchor] = [join(KEPT, name, 'recordings'), join(KEPT, name, 'anchor')]
    const alone = await verifyDirectory(dir, { keys: null })
    expect(opinionOf(alone)).toEqual(otherOpinionOf(independent.verifyDirectory(dir)))
    const anchors = [folderAnchorSource(anchor)]
    const anchored = await verifyDirectory(dir, { keys: null, anchors, verifierKeys: [SIGNER.verifierKey] })
    const other = independent.verifyDirectory(dir, { anchors: [anchor], keys: [SIGNER.verifierKey] })
    expect(opinionOf(anchored)).toEqual(otherOpinionOf(other))
  })
})
