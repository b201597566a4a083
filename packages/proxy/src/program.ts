import { Argument, Command, Option } from 'commander'
import { openTerminal, type Terminal } from './commands/terminal.ts'
import { addKeys } from './keys-program.ts'
import { LOG_LEVELS } from './log-level.ts'
import { addPolicy } from './policy-program.ts'
import { addSessions } from './sessions-program.ts'
import { VERSION } from './version.ts'
import { readWorkers } from './workers/read-workers.ts'

const config = new Option('-c, --config <file>', 'configuration file').default('querywarden.yaml', 'querywarden.yaml')
const json = new Option('--json', 'print one JSON document instead of text')
const admin = new Option('--admin <url>', "the gateway's admin API")
  .env('QUERYWARDEN_ADMIN')
  .default('http://127.0.0.1:6480', 'http://127.0.0.1:6480')
const tokenFile = new Option('--token-file <file>', 'file with your token; without it QUERYWARDEN_TOKEN is read')

/** The command line: what can be typed, and which function answers it. Each is loaded when it is called. */
export function program(): Command {
  const top = new Command('querywarden')
    .description(
      'A PostgreSQL gateway for AI agents and people: every statement is judged, masked, approved where it must be, and recorded.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .showHelpAfterError('(add --help to see what is expected)')
    // Subcommands take these over, so they come before the first of them.
    .exitOverride()
    .addHelpText('after', EXAMPLES)
  addGateway(top)
  addPolicy(top.command('policy').description('write, check, test and compare policies'), onTerminal, done)
  addSchema(top)
  addApprovals(top.command('approvals').description('see and answer approval requests'))
  addSessions(top.command('sessions').description('look at recordings'), onTerminal, done)
  addKeys(top.command('keys').description('make keys that sign, and show what verifies them'), onTerminal, done)
  addToken(top)
  return top
}

const EXAMPLES = `
Examples:
  querywarden demo
      see it work on a database of its own
  querywarden doctor -c querywarden.yaml
      is everything there that it needs?
  querywarden up -c querywarden.yaml
      run the gateway
  querywarden policy explain --target app --as agent-7 --group ai-agents --sql "delete from orders"
      what would become of this statement?
  querywarden approvals approve 0198c5d2 --reason "ticket OPS-7"
  querywarden sessions verify --dir recordings --all

Exit codes: 0 ok, 1 a finding (denied, tampered, failed check), 2 bad usage or configuration.`

const onTerminal = (options: { readonly json?: boolean }): Terminal => openTerminal(options.json === true)

const done = (exit: number): void => {
  process.exitCode = exit
}

function addGateway(top: Command): void {
  top
    .command('demo')
    .description('show the product on an embedded PostgreSQL and an embedded identity provider')
    .option('--serve', 'leave it running afterwards, to try by hand')
    .action(async (options: { serve?: boolean }) => {
      const { demo } = await import('./demo/demo.ts')
      done(await demo({ serve: options.serve === true }))
    })
  top
    .command('up')
    .description('run the gateway until SIGINT or SIGTERM; SIGHUP reloads its configuration')
    .addOption(config)
    .addOption(
      new Option(
        '--log-level <level>',
        'how much to log, as JSON lines on standard output; without it, log.level of the configuration',
      ).choices(LOG_LEVELS),
    )
    .addOption(
      new Option(
        '--workers <number>',
        'how many processes serve clients; without it, workers of the configuration',
      ).argParser(readWorkers),
    )
    .action(async options => {
      const { up } = await import('./commands/up.ts')
      done(await up(options))
    })
  top
    .command('doctor')
    .description('check configuration, secrets, policy, databases, issuers and ports without starting')
    .addOption(config)
    .addOption(json)
    .action(async options => {
      const { doctor } = await import('./commands/doctor.ts')
      done(await doctor(onTerminal(options), options))
    })
}

function addSchema(top: Command): void {
  top
    .command('schema')
    .description('print a JSON Schema, for editors and for programs')
    .addArgument(
      new Argument('<name>', 'of what').choices(['config', 'policy', 'policy-test', 'batch-line', 'batch-answer']),
    )
    .action(async name => {
      const { schema } = await import('./commands/schema.ts')
      done(schema(onTerminal({}), name))
    })
}

function addApprovals(approvals: Command): void {
  const command = (name: string, description: string): Command =>
    approvals.command(name).description(description).addOption(admin).addOption(tokenFile).addOption(json)
  const id = 'request id, or its first 8 characters or more'
  command('list', 'requests that you made or may answer')
    .addOption(
      new Option('--state <state>', 'which')
        .choices(['pending', 'granted', 'redeemed', 'denied', 'expired', 'withdrawn', 'all'])
        .default('pending', 'pending'),
    )
    .action(async options => {
      const { approvalsList } = await import('./commands/approvals.ts')
      done(await approvalsList(onTerminal(options), options))
    })
  command('show', 'all that a request asks for')
    .argument('<id>', id)
    .action(async (request, options) => {
      const { approvalsShow } = await import('./commands/approvals.ts')
      done(await approvalsShow(onTerminal(options), request, options))
    })
  for (const verb of ['approve', 'deny'] as const) {
    command(verb, verb === 'approve' ? 'let the statement run, once' : 'refuse the statement')
      .argument('<id>', id)
      .addOption(new Option('--reason <text>', 'recorded with your answer').default('', 'none'))
      .action(async (request, options) => {
        const { approvalsAnswer } = await import('./commands/approvals.ts')
        done(await approvalsAnswer(onTerminal(options), verb, request, options))
      })
  }
}

function addToken(top: Command): void {
  top
    .command('token')
    .description('get a token from a development issuer on this host')
    .requiredOption('--issuer <url>', "the issuer's URL")
    .requiredOption('--client <id>', 'client id')
    .addOption(
      new Option('--secret-env <name>', "environment variable with the client's secret").default(
        'QUERYWARDEN_CLIENT_SECRET',
        'QUERYWARDEN_CLIENT_SECRET',
      ),
    )
    .addOption(new Option('--audience <audience>', 'who the token is for').default('querywarden', 'querywarden'))
    .addOption(json)
    .action(async options => {
      const { token } = await import('./commands/token.ts')
      done(await token(onTerminal(options), options))
    })
}
