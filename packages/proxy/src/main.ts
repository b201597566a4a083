import { CommanderError } from 'commander'
import { AdminError } from './admin/client.ts'
import { CommandError, EXIT } from './commands/exit.ts'
import { messageOf } from './commands/terminal.ts'
import { ConfigError } from './config/config-error.ts'
import { disableProto } from './harden.ts'
import { program } from './program.ts'

// Every command is loaded after this.
disableProto()

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on('error', (error: Error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok)
  throw error
})

try {
  await program().parseAsync()
} catch (error) {
  // Commander has said what was wrong, or has shown the help that was asked for.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.misuse
  else {
    process.stderr.write(`querywarden: ${messageOf(error)}\n`)
    process.exitCode = await exitOf(error)
  }
}

async function exitOf(error: unknown): Promise<number> {
  if (error instanceof CommandError) return error.exit
  if (error instanceof ConfigError || error instanceof AdminError) return EXIT.misuse
  // Loaded here so that a command that reads no recordings starts without it.
  const { RecordingError } = await import('@querywarden/recording')
  // A key or a directory is named wrong; what is wrong with a recording itself is a finding.
  if (error instanceof RecordingError)
    return error.code === 'WRONG_KEY' || error.code === 'DIRECTORY_UNUSABLE' ? EXIT.misuse : EXIT.finding
  return EXIT.finding
}
