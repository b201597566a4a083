import { type Command, Option } from 'commander'
import type { Terminal } from './commands/terminal.ts'

const json = (text = 'print one JSON document instead of text'): Option => new Option('--json', text)
const dir = (): Option => new Option('--dir <dir>', 'recordings directory').default('recordings', 'recordings')
const key = (): Option => new Option('--key-file <file>', 'key of the recordings; without it DIR/recording.key is read')
const as = (): Option => new Option('--as <who>', 'who you are, noted beside the user of this system')
const ID = 'id of the session or of its recording, the beginning of either, or the file'

const NOTED = `
Reading what is in recordings is noted down in the directory before it is done; see who did with: querywarden sessions accesses`

/** The commands for who looks at recordings. Each is loaded when it is called. */
export function addSessions(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  addListing(sessions, onTerminal, done)
  addReplay(sessions, onTerminal, done)
  addExport(sessions, onTerminal, done)
  addAccesses(sessions, onTerminal, done)
  addFetch(sessions, onTerminal, done)
  addVerify(sessions, onTerminal, done)
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

function addVerify(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  sessions
    .command('verify')
    .description('check that recordings are whole and unaltered; reads no contents. Exit code 1 on any finding')
    .argument('[what]', `${ID}, or a directory`)
    .option('--all', 'every recording in the directory, and those that should be there')
    .option(
      '--anchor <place>',
      "where checkpoints are kept: a folder, a file with one, or s3:FILE with a bucket's settings; may be repeated",
      collect,
    )
    .option(
      '--witness <key>',
      'key of a witness, or a file with one a line: what it cosigned stands beside the logs; may be repeated',
      collect,
    )
    .option('--key <key>', 'verifier key of the gateway, or a file with one a line; may be repeated', collect)
    .addOption(dir())
    .addOption(json())
    .action(async (what, options) => {
      const { sessionsVerify } = await import('./commands/session-verify.ts')
      done(await sessionsVerify(onTerminal(options), what, options))
    })
}

function addFetch(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  sessions
    .command('fetch')
    .description('bring recordings, logs and checkpoints from the bucket that they were uploaded to; verify them there')
    .argument('<dir>', 'folder to bring them to; made if it is not there')
    .option('--from <file>', 'file with `s3:` alone, as in recording.upload; without it the configuration is read')
    .addOption(new Option('-c, --config <file>', 'configuration file').default('querywarden.yaml', 'querywarden.yaml'))
    .addOption(json())
    .action(async (folder, options) => {
      const { sessionsFetch } = await import('./commands/session-fetch.ts')
      done(await sessionsFetch(onTerminal(options), folder, options))
    })
}

/** What can be asked for. In patterns `*` stands for anything. */
const filtered = (command: Command): Command =>
  command
    .option('--who <pattern>', 'of this subject, or subject@issuer; the agent that acted counts too')
    .option('--target <pattern>', 'on this target')
    .option('--since <time>', 'from then on, such as 2027-03-01 or 2027-03-01T09:30:00Z')
    .option('--until <time>', 'before that')
    .option('--relation <pattern>', 'with a statement on this relation')
    .option('--effect <pattern>', 'with a statement of this effect: read, write, ddl …')
    .option('--outcome <pattern>', 'with one that became this: done, failed, refused …, a refusal code, an SQLSTATE')
    .option('--approved-by <pattern>', 'with one that this person approved')
    .option('--text <text>', 'with one that has this in its text without literals')

function addListing(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  filtered(sessions.command('list'))
    .description('recorded sessions, newest last; needs no key unless it asks for what is in them')
    .option('--values', 'look for the text in literals and parameters too')
    .addOption(new Option('--limit <number>', 'at most so many, the newest').default('100000', 'all'))
    .addOption(dir())
    .addOption(key())
    .addOption(as())
    .addOption(json())
    .addHelpText('after', NOTED)
    .action(async options => {
      const { sessionsList } = await import('./commands/session-search.ts')
      done(await sessionsList(onTerminal(options), options))
    })
  sessions
    .command('index')
    .description('the index that searching goes by; it is made of the recordings, and can be thrown away')
    .option('--rebuild', 'throw it away, and make it anew')
    .addOption(dir())
    .addOption(key())
    .addOption(as())
    .addOption(json())
    .addHelpText('after', NOTED)
    .action(async options => {
      const { sessionsIndex } = await import('./commands/session-search.ts')
      done(await sessionsIndex(onTerminal(options), options))
    })
  sessions
    .command('show')
    .description('one session: who, where, how it ended, what it did in numbers')
    .argument('<id>', ID)
    .addOption(dir())
    .addOption(key())
    .addOption(as())
    .addOption(json())
    .addHelpText('after', NOTED)
    .action(async (session, options) => {
      const { sessionsShow } = await import('./commands/sessions.ts')
      done(await sessionsShow(onTerminal(options), session, options))
    })
}

function addReplay(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  sessions
    .command('replay')
    .description('one session, statement by statement: on a terminal in its time, else at once')
    .argument('<id>', ID)
    .addOption(
      new Option('--speed <speed>', '1, 4, or another number of times as fast; max: at once').default('1', '1'),
    )
    .option('--real-time', 'pauses as long as they were; without it they are cut to two seconds')
    .option('--at <moment>', 'begin there: a time (2027-03-01T09:30:00Z), or an offset from the opening (90s, 1m30s)')
    .option('--until <moment>', 'end before that')
    .option('--sql-only', 'the statements as a script to be read, with what became of them in comments')
    .option('--no-rows', 'count the rows that are recorded, and show none')
    .addOption(dir())
    .addOption(key())
    .addOption(as())
    .addOption(json('print the events as one JSON array instead of text'))
    .addHelpText(
      'after',
      `\nKeys: space pauses, + and - change the speed, → goes to the next statement, q quits.${NOTED}`,
    )
    .action(async (session, options) => {
      const { sessionsReplay } = await import('./commands/session-replay.ts')
      done(await sessionsReplay(onTerminal(options), session, options))
    })
}

function addExport(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  sessions
    .command('export')
    .description('recordings as lines of JSON on standard output, for a log or a SIEM')
    .argument('[id]', ID)
    .option('--all', 'every recording in the directory')
    .addOption(
      new Option('--format <format>', 'jsonl: as recorded; ocsf: OCSF 1.3.0, Datastore Activity')
        .choices(['jsonl', 'ocsf'])
        .default('jsonl'),
    )
    .option('--who <pattern>', 'with --all: of this subject, or subject@issuer; * stands for anything')
    .option('--target <pattern>', 'with --all: on this target')
    .option('--since <time>', 'events from then on, such as 2027-03-01')
    .option('--until <time>', 'events before that')
    .option('--values', 'with literals, parameters and rows; without it none of them is in the output')
    .addOption(dir())
    .addOption(key())
    .addOption(as())
    .addHelpText('after', NOTED)
    .action(async (session, options) => {
      const { sessionsExport } = await import('./commands/session-export.ts')
      done(await sessionsExport(onTerminal({}), session, options))
    })
}

function addAccesses(
  sessions: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  sessions
    .command('accesses')
    .description('who looked into recordings, and who destroyed values; needs no key')
    .addOption(dir())
    .addOption(json())
    .action(async options => {
      const { sessionsAccesses } = await import('./commands/session-access.ts')
      done(await sessionsAccesses(onTerminal(options), options))
    })
  sessions
    .command('shred')
    .description("destroy a recording's literals, parameters and rows for good; it verifies as before")
    .argument('<id>', ID)
    .option('--yes', 'without it nothing is done')
    .addOption(new Option('--why <text>', 'noted down with it').default('', 'none'))
    .addOption(dir())
    .addOption(key())
    .addOption(as())
    .addOption(json())
    .action(async (session, options) => {
      const { sessionsShred } = await import('./commands/session-access.ts')
      done(await sessionsShred(onTerminal(options), session, options))
    })
}
