import { generateKeyPairSync } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { keySigner, RecordingError } from '@querywarden/recording'
import { CommandError, EXIT } from './exit.ts'
import { show, type Terminal } from './terminal.ts'

/** Says in the file what the key signs as. Readers of PEM skip what stands before it (RFC 7468, 5.2). */
const NAME_LINE = /^# name: (\S+)$/m

/**
 * Makes an Ed25519 key that signs checkpoints, in a file of its own, and prints its verifier key.
 * @throws {CommandError} the name is none, or the file is there already or can't be made.
 */
export async function keysNew(
  terminal: Terminal,
  { out, name }: { readonly out: string; readonly name: string },
): Promise<number> {
  const pem = String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const verifierKey = verifierKeyOf(pem, name)
  try {
    const file = await open(out, 'wx', 0o600)
    try {
      await file.writeFile(`# name: ${name}\n${pem}`)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = codeOf(error)
    throw new CommandError(
      EXIT.misuse,
      code === 'EEXIST'
        ? `${out} is there already, and what it signed could not be told from what another key did: name another with --out`
        : `${out} can't be made (${code})`,
    )
  }
  terminal.note(`the key is in ${out}; whoever verifies recordings needs this:`)
  show(terminal, { file: out, name, verifierKey }, () => [verifierKey])
  return EXIT.ok
}

/**
 * Prints the verifier key of a key.
 * @throws {CommandError} it can't be read, or nobody says its name.
 */
export async function keysShow(
  terminal: Terminal,
  file: string,
  options: { readonly name?: string | undefined },
): Promise<number> {
  const pem = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError(EXIT.misuse, `${file} can't be read (${codeOf(error)})`)
  })
  const name = options.name ?? NAME_LINE.exec(pem)?.[1]
  if (name === undefined) {
    throw new CommandError(EXIT.misuse, `${file} doesn't say what it signs as: give --name, as in the configuration`)
  }
  const verifierKey = verifierKeyOf(pem, name)
  show(terminal, { file, name, verifierKey }, () => [verifierKey])
  return EXIT.ok
}

function verifierKeyOf(pem: string, name: string): string {
  try {
    return keySigner({ name, pem }).verifierKey
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandError(EXIT.misuse, error.message)
    throw error
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error'
