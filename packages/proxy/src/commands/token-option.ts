import { readFileSync } from 'node:fs'
import { CommandError, EXIT } from './exit.ts'

export interface TokenOptions {
  readonly tokenFile?: string
}

/** The caller's own token: from a file, else from the environment. Never from the command line, where everybody sees it. */
export function readToken({ tokenFile }: TokenOptions): string {
  const token = tokenFile === undefined ? process.env['QUERYWARDEN_TOKEN'] : readFile(tokenFile)
  if (token === undefined || token.trim() === '') {
    throw new CommandError(EXIT.misuse, 'no token: set QUERYWARDEN_TOKEN, or name a file with --token-file')
  }
  return token.trim()
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(EXIT.misuse, `token file \`${file}\` can't be read`)
  }
}
