import { Command, Option } from 'commander'
import { AdminError } from './admin/client.ts'
import { approvalsAnswer, approvalsList, approvalsShow } from './commands/approvals.ts'
import { doctor } from './commands/doctor.ts'
import { CommandError, EXIT } from './commands/exit.ts'
import { policyCheck, policyExplain } from './commands/policy.ts'
import { sessionsList, sessionsReplay, sessionsShow, sessionsVerify } from './commands/sessions.ts'
import { messageOf, openTerminal } from './commands/terminal.ts'
import { token } from './commands/token.ts'
import { up } from './commands/up.ts'
import { ConfigError } from './config/config-error.ts'
import { VERSION } from './version.ts'

const program = new Command('querywarden')
  .description(
    'A PostgreSQL gateway for AI agents and people: every statement is judged, masked, approved where it must be, and recorded.',
  )
  .version(VERSION)
  .showHelpAfterError('(querywarden --help lists the commands)')
  .configureHelp({ sortSubcommands: false })
  .addHelpText(
    'after',
    `
Examples:
  querywarden demo                                   see it work on a database of its own
  querywarden doctor -c querywarden.yaml             is everything there that it needs?
  querywarden up -c querywarden.yaml                 run the gateway
  querywarden policy explain -c querywarden.yaml --target app --group ai-agents "delete from orders"
  querywarden approvals approve 0198c5d2 --reason "ticket OPS-7"
  querywarden sessions verify --dir recordings --all

Exit codes: 0 ok, 1 a finding (denied, tampered, failed check), 2 bad usage or configuration.`,
  )

const config = new Option('-c, --config <file>', 'configuration file').default('querywarden.yaml')
const json = new Option('--json', 'print one JSON document instead of text')
const admin = new Option('--admin <url>', "the gateway's admin API")
  .env('QUERYWARDEN_ADMIN')
  .default('http://127.0.0.1:6480')
const tokenFile = new Option(
  '--token-file <file>',
  'file with your token (default: environment variable QUERYWARDEN_TOKEN)',
)
const dir = new Option('--dir <dir>', 'recordings directory').default('recordings')
const key = new Option('--key-file <file>', 'key of the recordings (default: recording.key beside them)')

program
  .command('demo')
  .description('show the product on an embedded PostgreSQL and an embedded identity provider')
  .option('--serve', 'leave it running afterwards, to try by hand')
  .action(async (options: { serve?: boolean }) => {
    const { demo } = await import('./demo/demo.ts')
    process.exitCode = await demo({ serve: options.serve === true })
  })

program
  .command('up')
  .description('run the gateway')
  .addOption(config)
  .addOption(
    new Option('--log-level <level>', 'how much to log').choices(['debug', 'info', 'warn', 'error']).default('info'),
  )
  .action(async options => {
    process.exitCode = await up(options)
  })

program
  .command('doctor')
  .description('check configuration, secrets, policy, databases, issuers and ports without starting')
  .addOption(config)
  .addOption(json)
  .action(async options => {
    process.exitCode = await doctor(openTerminal(options.json === true), options)
  })

const policy = program.command('policy').description('check a policy, or ask it about a statement')
policy
  .command('check')
  .description('check a policy file; with -c also against the schemas of the targets')
  .argument('<file>', 'policy file')
  .option('-c, --config <file>', 'configuration file, to check against its targets')
  .addOption(json)
  .action(async (file, options) => {
    process.exitCode = await policyCheck(openTerminal(options.json === true), file, options)
  })
policy
  .command('explain')
  .description('say what the policy makes of a statement, and why; nothing is run')
  .argument('<sql>', 'the statement')
  .addOption(config)
  .requiredOption('--target <name>', 'the target that it would go to')
  .option('--group <group...>', 'groups of the one who asks', [])
  .option('--subject <subject>', 'subject of the one who asks', 'somebody')
  .option('--issuer <issuer>', 'issuer of the one who asks', 'nowhere')
  .addOption(json)
  .action(async (sql, options) => {
    process.exitCode = await policyExplain(openTerminal(options.json === true), sql, options)
  })

const approvals = program.command('approvals').description('see and answer approval requests')
approvals
  .command('list')
  .description('requests that you made or may answer')
  .addOption(
    new Option('--state <state>', 'which')
      .choices(['pending', 'granted', 'redeemed', 'denied', 'expired', 'withdrawn', 'all'])
      .default('pending'),
  )
  .addOption(admin)
  .addOption(tokenFile)
  .addOption(json)
  .action(async options => {
    process.exitCode = await approvalsList(openTerminal(options.json === true), options)
  })
approvals
  .command('show')
  .description('all that a request asks for')
  .argument('<id>', 'request id, or its first 8 characters or more')
  .addOption(admin)
  .addOption(tokenFile)
  .addOption(json)
  .action(async (id, options) => {
    process.exitCode = await approvalsShow(openTerminal(options.json === true), id, options)
  })
for (const verb of ['approve', 'deny'] as const) {
  approvals
    .command(verb)
    .description(verb === 'approve' ? 'let the statement run, once' : 'refuse the statement')
    .argument('<id>', 'request id, or its first 8 characters or more')
    .option('--reason <text>', 'recorded, and shown to the one who asks', '')
    .addOption(admin)
    .addOption(tokenFile)
    .addOption(json)
    .action(async (id, options) => {
      process.exitCode = await approvalsAnswer(openTerminal(options.json === true), verb, id, options)
    })
}

const sessions = program.command('sessions').description('look at recordings')
sessions
  .command('list')
  .description('recorded sessions, newest last')
  .addOption(dir)
  .addOption(key)
  .addOption(json)
  .action(async options => {
    process.exitCode = await sessionsList(openTerminal(options.json === true), options)
  })
sessions
  .command('show')
  .description('one session: who, where, how it ended, what it did in numbers')
  .argument('<id>', 'session id or file')
  .addOption(dir)
  .addOption(key)
  .addOption(json)
  .action(async (id, options) => {
    process.exitCode = await sessionsShow(openTerminal(options.json === true), id, options)
  })
sessions
  .command('replay')
  .description('one session, statement by statement')
  .argument('<id>', 'session id or file')
  .addOption(dir)
  .addOption(key)
  .addOption(json)
  .action(async (id, options) => {
    process.exitCode = await sessionsReplay(openTerminal(options.json === true), id, options)
  })
sessions
  .command('verify')
  .description('check that recordings are whole and unaltered; needs no key')
  .argument('[id]', 'session id or file')
  .option('--all', 'every recording in the directory, and those that should be there')
  .addOption(dir)
  .addOption(json)
  .action(async (id, options) => {
    process.exitCode = await sessionsVerify(openTerminal(options.json === true), id, options)
  })

program
  .command('token')
  .description('get a token from a development issuer on this host')
  .requiredOption('--issuer <url>', 'the issuer')
  .requiredOption('--client <id>', 'client id')
  .option('--secret-env <name>', "environment variable with the client's secret", 'QUERYWARDEN_CLIENT_SECRET')
  .option('--audience <audience>', 'who the token is for', 'querywarden')
  .addOption(json)
  .action(async options => {
    process.exitCode = await token(openTerminal(options.json === true), options)
  })

program.exitOverride(error => {
  process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.misuse)
})

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`querywarden: ${messageOf(error)}\n`)
  process.exitCode =
    error instanceof CommandError
      ? error.exit
      : error instanceof ConfigError || error instanceof AdminError
        ? EXIT.misuse
        : EXIT.finding
}
