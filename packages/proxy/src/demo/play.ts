import { readFile, writeFile } from 'node:fs/promises'
import { text as collect } from 'node:stream/consumers'
import { Client, DatabaseError } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { adminClient } from '../admin/client.ts'
import { listSessions, verdictLine, verifySessions } from '../commands/recordings.ts'
import { replayLines } from '../commands/session-replay.ts'
import type { Stage } from './stage.ts'
import type { World } from './world.ts'

/** The story, told with a real driver. Every line of it is checked: a demo that shows a leak must fail. */
export async function play(world: World, stage: Stage): Promise<void> {
  const client = await logIn(world, await world.agentToken())
  const ask = (sql: string): Promise<readonly string[]> => askWith(client, stage, sql)
  try {
    stage.step('An agent logs in with an OIDC token and reads. What is masked never leaves the database.')
    await ask('select name, email, ssn from customers')

    stage.step('The same value by other routes. Each of them meets the mask, not the value.')
    stage.say('Another name:')
    await ask('select c.ssn as harmless from customers c limit 1')
    stage.say('An expression (what is reversed and joined here is "[redacted]"):')
    await ask("select string_agg(reverse(ssn), ',') from customers")
    stage.say('An error that would quote it:')
    await ask('select ssn::int from customers')
    stage.say('A filter that would guess it:')
    await ask("select card_number from cards where card_number like '4556%'")
    stage.say('COPY:')
    stage.sent('copy customers (name, ssn) to stdout')
    const copied = await collect(client.query(copyTo('copy customers (name, ssn) to stdout')))
    hidden(copied)
    stage.got(copied.trimEnd().split('\n'))

    stage.step('A DROP is denied. The session lives on.')
    await ask('drop table orders')
    await ask('select count(*) from orders')

    stage.step('A DELETE needs a person. It waits, is approved, and runs once.')
    await approveOnce(world, stage, ask, client)

    stage.step('A DELETE without WHERE asks nobody: it is denied.')
    await ask('delete from orders')
  } finally {
    await client.end()
  }

  stage.step('An expired token opens nothing.')
  await logIn(world, await world.expiredToken()).then(
    () => {
      throw new Error('an expired token was let in')
    },
    (error: unknown) => stage.refused(error instanceof Error ? error.message : 'refused'),
  )
  await lookBack(world, stage)
}

async function approveOnce(
  world: World,
  stage: Stage,
  ask: (sql: string) => Promise<readonly string[]>,
  client: Client,
): Promise<void> {
  const { admin } = world.gateway
  const person = adminClient({ url: `http://${admin.host}:${admin.port}`, token: await world.approverToken() })
  const answered = new Promise<void>((resolve, reject) => {
    client.once('notice', ({ message }) => {
      stage.refused(`NOTICE: ${message ?? ''}`)
      person
        .list('pending')
        .then(async ([request]) => {
          if (request === undefined) throw new Error('no request is pending')
          stage.say('   Dana of the dba group sees this and approves it:')
          stage.got(
            request.text
              .trimEnd()
              .split('\n')
              .filter(line => /^(asked by|does|rules|statement)/.test(line)),
          )
          await person.answer(request.request, 'approve', 'cancelled orders may go')
        })
        .then(resolve, reject)
    })
  })
  await Promise.all([ask("delete from orders where status = 'cancelled'"), answered])
}

async function lookBack(world: World, stage: Stage): Promise<void> {
  const [session] = await listSessions(world.recordings)
  if (session === undefined || session.file === null) throw new Error('nothing was recorded')
  const { file } = session
  const verdict = async (): Promise<string> =>
    (await verifySessions(world.recordings)).recordings
      .map(verdictLine)
      .find(line => line.startsWith(session.recording)) ?? ''

  stage.step('The session, replayed from its recording.')
  const [day = '', opening = '', ...lines] = await replayLines(
    { dir: world.recordings },
    { ...session, file, dir: world.recordings },
  )
  const firstRefusal = lines.findIndex(line => line.includes('refused:'))
  stage.got([day, opening, `… ${firstRefusal} lines: the reads of steps 1 and 2 …`, ...lines.slice(firstRefusal)])

  stage.step('The recording verifies. Then one byte of it is flipped.')
  stage.got([await verdict()])
  const bytes = await readFile(file)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
  const after = await verdict()
  if (!after.includes('TAMPERED')) throw new Error('a flipped byte went unnoticed')
  stage.refused(after)
  // Whoever looks on by hand should find the recording as it was.
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
}

async function logIn({ gateway }: World, token: string): Promise<Client> {
  const client = new Client({
    ...gateway.postgres,
    user: 'agent',
    database: 'shop',
    password: token,
    application_name: 'demo',
  })
  await client.connect()
  return client
}

async function askWith(client: Client, stage: Stage, sql: string): Promise<readonly string[]> {
  stage.sent(sql)
  try {
    const { rows, fields, rowCount, command } = await client.query({ text: sql, rowMode: 'array' })
    const lines = fields.length === 0 ? [`${command} ${rowCount ?? 0}`] : rows.map(row => row.map(String).join(' | '))
    for (const line of lines) hidden(line)
    stage.got(lines.length === 0 ? ['(no rows)'] : lines)
    return lines
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    hidden(JSON.stringify(error))
    stage.refused(`${error.severity} ${error.code}: ${error.message}`)
    if (error.hint !== undefined) stage.refused(`hint: ${error.hint}`)
    return []
  }
}

/** What must never be seen: the first digits of every number in the demo's tables. */
const SECRETS = [
  '512-84',
  '603-19',
  '731-62',
  '137-48',
  '824-91',
  '4556 7',
  '5424 1',
  '3782 8',
  'ada@',
  'grace@',
  'edsger@',
]

function hidden(text: string): void {
  if (SECRETS.some(secret => text.includes(secret))) throw new Error('a protected value reached the client')
}
