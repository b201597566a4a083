import { execFile } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { verifyEd25519 } from '../../src/anchoring/signed-note.ts'
import { commandSigner, keySigner, parseVerifierKey, type RunCommand } from '../../src/index.ts'
import { temporaryDir } from '../fixtures.ts'
import { newKey } from './anchoring-fixtures.ts'

const NAME = 'gateway-1.example.com'
const TEXT = Buffer.from('gateway-1.example.com/b\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n')
const bad = expect.objectContaining({ name: 'RecordingError', code: 'BAD_OPTIONS' })

describe('a key in a file', () => {
  test('signs what its verifier key verifies', async () => {
    const signer = keySigner({ name: NAME, pem: newKey() })
    const key = parseVerifierKey(signer.verifierKey)
    expect(key).toMatchObject({ name: NAME, kind: 'ed25519' })
    expect(verifyEd25519(key.publicKey, TEXT, await signer.sign(TEXT))).toBe(true)
  })

  test.each([
    ['nothing', ''],
    ['another text', 'a key'],
    ['another type', String(generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))],
    ['a public key', String(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }))],
  ])('is none with %s, and the error has nothing of it', (_, pem) => {
    expect(() => keySigner({ name: NAME, pem })).toThrow(bad)
    try {
      keySigner({ name: NAME, pem })
    } catch (error) {
      if (pem !== '') expect(String(error)).not.toContain(pem.split('\n')[1] ?? pem)
    }
  })

  test.each(['', 'a b', 'a+b', 'a\u2003b', 'a\nb', 'x'.repeat(256)])('has no name like %j', name => {
    expect(() => keySigner({ name, pem: newKey() })).toThrow(bad)
  })
})

describe('a command', () => {
  const pem = newKey()
  const { verifierKey } = keySigner({ name: NAME, pem })
  const signerOf = (runCommand: RunCommand) =>
    commandSigner({ command: ['sign', '--key', '7'], verifierKey, timeMsMax: 1_000, runCommand })
  const saying = (output: string | Uint8Array) => signerOf(async () => Buffer.from(output))
  const failed = (message: RegExp) => ({ code: 'SIGNING_FAILED', message: expect.stringMatching(message) })

  test('gets the text, and its signature is taken: a program of its own signs', async () => {
    const dir = await temporaryDir()
    await writeFile(join(dir, 'key.pem'), pem, { mode: 0o600 })
    const program = `const c = require('node:crypto'), f = require('node:fs')
      const key = c.createPrivateKey(f.readFileSync(process.argv[1]))
      console.log(c.sign(null, f.readFileSync(0), key).toString('base64'))`
    const signer = commandSigner({
      command: [process.execPath, '-e', program, join(dir, 'key.pem')],
      verifierKey,
      timeMsMax: 10_000,
      runCommand: ([file = '', ...args], { input }) =>
        new Promise((resolve, reject) => {
          const child = execFile(file, args, { encoding: 'buffer' }, (error, output) =>
            error === null ? resolve(output) : reject(error),
          )
          child.stdin?.end(input)
        }),
    })
    expect(verifyEd25519(parseVerifierKey(verifierKey).publicKey, TEXT, await signer.sign(TEXT))).toBe(true)
  })

  test('is given its arguments, a time limit and a limit of output', async () => {
    const runs: unknown[] = []
    const signer = signerOf(async (command, run) => {
      runs.push({ command, ...run })
      return sign(null, TEXT, createPrivateKey(pem)).toString('base64') as unknown as Uint8Array
    })
    await signer.sign(TEXT).catch(() => undefined)
    expect(runs).toEqual([{ command: ['sign', '--key', '7'], input: TEXT, timeMsMax: 1_000, outputBytesMax: 1_024 }])
  })

  test('that signs something else, or with another key, signs nothing', async () => {
    const other = sign(null, Buffer.from('else'), createPrivateKey(pem)).toString('base64')
    const another = sign(null, TEXT, createPrivateKey(newKey())).toString('base64')
    for (const output of [other, another, Buffer.alloc(64).toString('base64'), 'AAAA', '']) {
      await expect(saying(output).sign(TEXT)).rejects.toMatchObject(
        failed(/is no signature by `gateway-1.example.com`/),
      )
    }
    for (const output of ['not base64', '\u0000'.repeat(88)]) {
      await expect(saying(output).sign(TEXT)).rejects.toMatchObject(failed(/wrote no base64/))
    }
  })

  test('that fails says why', async () => {
    const signer = signerOf(() => Promise.reject(new Error('it ended with code 3')))
    await expect(signer.sign(TEXT)).rejects.toMatchObject(
      failed(/^the command that signs checkpoints failed: it ended with code 3$/),
    )
  })

  test('needs a program, and the key of a log', () => {
    const runCommand: RunCommand = async () => new Uint8Array()
    const options = { command: ['sign'], verifierKey, timeMsMax: 1_000, runCommand }
    expect(() => commandSigner({ ...options, command: [] })).toThrow(bad)
    expect(() => commandSigner({ ...options, command: [''] })).toThrow(bad)
    expect(() => commandSigner({ ...options, verifierKey: 'x' })).toThrow(bad)
  })
})
