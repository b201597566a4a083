import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Terminal } from './commands/terminal.ts'

const collected = (flags: string, description: string): Option =>
  new Option(flags, description)
    .argParser((one: string, before: readonly string[]) => [...before, one])
    .default([], 'none')
const config = (): Option =>
  new Option('-c, --config <file>', 'configuration file').default('querywarden.yaml', 'querywarden.yaml')
const json = (): Option => new Option('--json', 'print one JSON document instead of text')
const catalog = (): Option =>
  new Option('--catalog <file>', "a schema saved by `policy catalog`, in place of the target's database")
const target = (): Option =>
  new Option('--target <name>', 'the target that statements would go to; may be left out where there is only one')

/** Who would ask, and when. */
const asking = (command: Command): Command =>
  command
    .option('--as <subject[@issuer]>', 'the one who asks; a subject with an @ in it needs its issuer too')
    .addOption(collected('--group <group>', 'a group of the one who asks; give it again for more'))
    .addOption(collected('--claim <name=value>', 'a claim of their token; give it again for more'))
    .option('--actor <subject[@issuer]>', 'the agent that acts for them')
    .addOption(collected('--actor-group <group>', 'a group of the agent; give it again for more'))
    .addOption(new Option('--subject <subject>', 'as --as').default('somebody', 'somebody'))
    .addOption(new Option('--issuer <issuer>', 'as --as').default('nowhere', 'nowhere'))
    .option('--at <time>', 'when, such as 2027-03-01T09:30:00Z; now, where left out')
    .option('--in-transaction', 'with a transaction open')

/** The commands for who writes policies. Each is loaded when it is called. */
export function addPolicy(
  policy: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  policy
    .command('init')
    .description('copy a starter policy here, with its tests; without a name, say which there are')
    .argument('[name]', 'starter policy')
    .addOption(new Option('--dir <dir>', 'where to').default('.', 'here'))
    .addOption(json())
    .action(async (name, options) => {
      const { policyInit } = await import('./commands/policy-init.ts')
      done(policyInit(onTerminal(options), name, options))
    })
  policy
    .command('check')
    .description('check a policy file; with -c or --catalog also against the schemas of the targets')
    .argument('<file>', 'policy file')
    .option('-c, --config <file>', 'configuration file, to check against its targets')
    .addOption(catalog())
    .addOption(target())
    .option('--strict', 'warnings count as errors')
    .addOption(json())
    .addHelpText('after', CHECK_HELP)
    .action(async (file, options) => {
      const { policyCheck } = await import('./commands/policy-check.ts')
      done(await policyCheck(onTerminal(options), file, options))
    })
  addExplain(policy, onTerminal, done)
  policy
    .command('test')
    .description('run the cases of test files against their policies')
    .argument('[files...]', 'test files; without one, *.test.yaml in this directory')
    .addOption(config())
    .addOption(catalog())
    .addOption(target())
    .option('--min-coverage <percent>', 'fail where cases come across fewer of the rules and masks', readPercent)
    .addOption(json())
    .addHelpText('after', TEST_HELP)
    .action(async (files, options) => {
      const { policyTest } = await import('./commands/policy-test.ts')
      done(await policyTest(onTerminal(options), files, options))
    })
  addDiff(policy, onTerminal, done)
  addSuggest(policy, onTerminal, done)
  policy
    .command('catalog')
    .description("print a target's schema, for --catalog; it holds no rows")
    .addOption(config())
    .requiredOption('--target <name>', 'which target')
    .action(async options => {
      const { policyCatalog } = await import('./commands/policy-catalog.ts')
      done(await policyCatalog(onTerminal({}), options))
    })
}

function addExplain(
  policy: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  const explain = policy
    .command('explain')
    .description('say what a policy makes of a statement or a column, and why; nothing is run')
    .argument('[sql]', 'the statement; of several, each is explained')
    .option('--sql <text>', 'the statement')
    .addOption(collected('--pre <text>', 'sent earlier in the same session; give it again for more'))
    .option(
      '--column <schema.relation.column>',
      'in place of a statement: which masks are on a column, and by which path',
    )
    .option('--batch <file>', 'answer lines of JSON by lines of JSON; - reads standard input')
    .addOption(config())
    .option('--policy <file>', "a policy, in place of the configuration's")
    .addOption(catalog())
    .addOption(target())
  asking(explain)
    .addOption(
      new Option('--fail-on <outcome>', 'end with 1 at this outcome or a stricter one').choices(['deny', 'approve']),
    )
    .addOption(json())
    .addHelpText('after', EXPLAIN_HELP)
    .action(async (sql, options) => {
      const { policyExplain } = await import('./commands/policy-explain.ts')
      done(await policyExplain(onTerminal(options), sql, options))
    })
}

function addDiff(
  policy: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  const diff = policy
    .command('diff')
    .description('say which statements two policies answer differently')
    .argument('<old>', 'policy file')
    .argument('<new>', 'policy file')
    .option('--corpus <file>', 'statements: SQL, or lines of JSON (*.ndjson, *.jsonl) as explain --batch reads them')
    .option('--recordings <dir>', 'statements of recorded sessions, each by who sent it')
    .option('--key-file <file>', 'key of the recordings; without it DIR/recording.key is read')
    .option('--since <time>', 'of recorded statements those from then on, such as 2027-03-01')
    .option('--who <pattern>', 'of recorded statements those of this subject or agent; * stands for anything')
    .addOption(config())
    .addOption(catalog())
    .addOption(target())
  asking(diff)
    .addOption(
      new Option('--fail-on <change>', 'which change ends it with 1').choices(['looser', 'any']).default('looser'),
    )
    .addOption(json())
    .addHelpText('after', DIFF_HELP)
    .action(async (older, newer, options) => {
      const { policyDiff } = await import('./commands/policy-diff.ts')
      done(await policyDiff(onTerminal(options), { old: older, new: newer }, options))
    })
}

function addSuggest(
  policy: Command,
  onTerminal: (options: { readonly json?: boolean }) => Terminal,
  done: (exit: number) => void,
): void {
  policy
    .command('suggest')
    .description("propose masks for a target's columns, for a person to accept; values are never printed")
    .addOption(config())
    .option('--policy <file>', "a policy, in place of the configuration's")
    .addOption(catalog())
    .addOption(target())
    .option('--sample <rows>', 'look into so many rows of each table; 0 reads none', readRows, 0)
    .addOption(json())
    .action(async options => {
      const { policySuggest } = await import('./commands/policy-suggest.ts')
      done(await policySuggest(onTerminal(options), options))
    })
}

/** Of each table. More is no sample. */
const ROWS_MAX = 10_000

function readRows(text: string): number {
  const rows = Number(text)
  if (/^\d+$/.test(text) && rows <= ROWS_MAX) return rows
  throw new InvalidArgumentError(`expected a whole number from 0 to ${ROWS_MAX}`)
}

function readPercent(text: string): number {
  const percent = Number(text)
  if (/^\d+$/.test(text) && percent <= 100) return percent
  throw new InvalidArgumentError('expected a whole number from 0 to 100')
}

const CHECK_HELP = `
Errors would stop the gateway; warnings are most likely mistakes: rules that never get a say, patterns that match nothing.

Examples:
  querywarden policy check policy.yaml
  querywarden policy check policy.yaml -c querywarden.yaml --strict
  querywarden policy check policy.yaml --catalog app.catalog.json --target app

Exit codes: 0 ok, 1 errors (with --strict also warnings), 2 bad usage or configuration.`

const EXPLAIN_HELP = `
Examples:
  querywarden policy explain --target app --as agent-7 --group ai-agents --sql "delete from orders"
  querywarden policy explain --target app --as ann --actor agent-7 --actor-group ai-agents --sql "select * from customers"
  querywarden policy explain --target app --pre "prepare p as delete from orders" --sql "execute p"
  querywarden policy explain --target app --group ai-agents --column public.order_totals.email
  querywarden policy explain --policy policy.yaml --catalog app.catalog.json --target app --batch statements.ndjson --fail-on deny

With --batch each line is {"id": …, "sql": …, "pre": …}; see querywarden schema batch-line and batch-answer.

Exit codes: 0 ok; 1 where a statement is denied, in a batch only with --fail-on; 2 bad usage or configuration, or a line
of a batch that can't be answered.`

const TEST_HELP = `
A test file says whose policy it tests and lists cases: name, as, target, statement, expect, rules, masked, code.
See querywarden schema policy-test, and querywarden policy init for examples.

Examples:
  querywarden policy test
  querywarden policy test policy.test.yaml --catalog app.catalog.json --min-coverage 100

Exit codes: 0 all passed, 1 a case failed or coverage is short, 2 bad usage or configuration.`

const DIFF_HELP = `
Looser is what is allowed or may be approved and wasn't before, or is shown without a mask that it had.

Examples:
  querywarden policy diff old.yaml new.yaml --catalog app.catalog.json --target app --corpus statements.sql --as agent-7
  querywarden policy diff policy.yaml new.yaml -c querywarden.yaml --target app --recordings recordings

Exit codes: 0 nothing that --fail-on names, 1 such a change, 2 bad usage or configuration.`
