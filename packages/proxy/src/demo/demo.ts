import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { CommandError, EXIT } from '../commands/exit.ts'
import { messageOf } from '../commands/terminal.ts'
import { play } from './play.ts'
import { openStage } from './stage.ts'
import { startWorld, type World } from './world.ts'

/** Shows the product on servers of its own, and leaves nothing behind. */
export async function demo({ serve }: { readonly serve: boolean }): Promise<number> {
  const stage = openStage(line => process.stdout.write(`${line}\n`))
  const dir = await mkdtemp(join(tmpdir(), 'querywarden-demo-'))
  let world: World | null = null
  try {
    world = await startWorld(dir, stage.progress)
    await play(world, stage)
    stage.say('')
    stage.say(
      pc.bold(
        'That was every statement through one gateway: judged, masked, approved, recorded. No one held a database password.',
      ),
    )
    if (serve) await keepServing(world, stage.say)
    else stage.say('Try it by hand: npm run demo -- --serve')
    return EXIT.ok
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(EXIT.finding, `the demo failed: ${messageOf(error)}`)
  } finally {
    await world?.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

async function keepServing(world: World, say: (line: string) => void): Promise<void> {
  const { host, port } = world.gateway.postgres
  const agent = await world.agentToken()
  const approver = await world.approverToken()
  for (const line of [
    '',
    pc.bold('Serving. Open a second terminal and log in as the agent (good for an hour):'),
    `  PGPASSWORD='${agent}' psql 'host=${host} port=${port} dbname=shop user=agent'`,
    '',
    'Ask for something that needs a person:',
    "  delete from orders where status = 'new';",
    '',
    'and approve it from a third, as Dana of the dba group:',
    `  export QUERYWARDEN_ADMIN=http://${world.gateway.admin.host}:${world.gateway.admin.port}`,
    `  export QUERYWARDEN_TOKEN='${approver}'`,
    `  node ${world.command} approvals list`,
    `  node ${world.command} approvals approve REQUEST --reason 'looks right'`,
    '',
    'Then look at what was recorded:',
    `  node ${world.command} sessions list --dir ${world.recordings}`,
    '',
    'Stop with Ctrl-C.',
  ])
    say(line)
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
