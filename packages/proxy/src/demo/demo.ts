import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { CommandError, EXIT } from '../commands/exit.ts'
import { messageOf } from '../commands/terminal.ts'
import { play } from './play.ts'
import { openStage, type Stage } from './stage.ts'
import { startWorld, type World } from './world.ts'

/** Shows the product on servers of its own, and leaves nothing behind, however it ends. */
export async function demo({ serve }: { readonly serve: boolean }): Promise<number> {
  const stage = openStage(line => process.stdout.write(`${line}\n`))
  const dir = await mkdtemp(join(tmpdir(), 'querywarden-demo-'))
  const interrupted = new Promise<'interrupted'>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'))
  })
  const starting = startWorld(dir, stage.progress)
  try {
    const played = await Promise.race([starting.then(world => play(world, stage)), interrupted])
    if (played === 'interrupted') throw new CommandError(EXIT.finding, 'the demo was interrupted')
    sayGoodbye(stage)
    if (serve) {
      await invite(await starting, dir, stage)
      await interrupted
    } else stage.say('Try it by hand: npm run demo -- --serve')
    return EXIT.ok
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(EXIT.finding, `the demo failed: ${messageOf(error)}`)
  } finally {
    await (await starting.catch(() => null))?.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

function sayGoodbye({ say }: Stage): void {
  say('')
  say(pc.bold('Every statement went one way: judged, masked, approved where it must be, recorded.'))
  say(pc.bold('The agent held a token for an hour, and never a database password.'))
}

/** How to go on by hand. Tokens are long, so they are read from files that only this user can read. */
async function invite(world: World, dir: string, { say }: Stage): Promise<void> {
  const { postgres, admin } = world.gateway
  const [agent, dana] = [join(dir, 'agent.token'), join(dir, 'dana.token')]
  await writeFile(agent, await world.agentToken(), { mode: 0o600 })
  await writeFile(dana, await world.approverToken(), { mode: 0o600 })
  for (const line of [
    '',
    pc.bold('It is left running. In a second terminal, log in as the agent (good for an hour):'),
    `  PGPASSWORD="$(cat ${agent})" psql 'host=${postgres.host} port=${postgres.port} dbname=shop user=agent'`,
    '',
    'Ask for something that needs a person:',
    "  delete from orders where status = 'new';",
    '',
    'In a third, approve it as Dana of the dba group:',
    `  export QUERYWARDEN_ADMIN=http://${admin.host}:${admin.port}`,
    `  node ${world.command} approvals list --token-file ${dana}`,
    `  node ${world.command} approvals approve REQUEST --token-file ${dana}`,
    '',
    'See what was recorded:',
    `  node ${world.command} sessions list --dir ${world.recordings}`,
    '',
    'Stop with Ctrl-C.',
  ])
    say(line)
}
