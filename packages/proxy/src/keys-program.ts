import { Argument, type Command, Option } from 'commander'
import type { Terminal } from './commands/terminal.ts'

/** The commands for the keys that sign. Each is loaded when it is called. */
export function addKeys(
  keys: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  const json = (): Option => new Option('--json', 'print one JSON document instead of text')
  const name = (): Option => new Option('--name <name>', 'what it signs as, such as gateway-1.example.com')
  keys
    .command('new')
    .description('make a key, readable by you alone, and print what its signatures are verified by')
    .addArgument(new Argument('<kind>', 'what it signs').choices(['checkpoint']))
    .option('--out <file>', 'where it goes; never over another file', 'checkpoint.key')
    .addOption(name().makeOptionMandatory())
    .addOption(json())
    .action(async (_kind, options) => {
      const { keysNew } = await import('./commands/keys.ts')
      done(await keysNew(onTerminal(options), options))
    })
  keys
    .command('show')
    .description('print what signatures by a key are verified by: give it to whoever verifies, and to witnesses')
    .argument('<file>', 'the key')
    .addOption(name())
    .addOption(json())
    .action(async (file, options) => {
      const { keysShow } = await import('./commands/keys.ts')
      done(await keysShow(onTerminal(options), file, options))
    })
}
