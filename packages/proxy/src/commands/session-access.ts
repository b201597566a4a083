import { destroyValues, listAccesses, type NotedAccess, visible } from '@querywarden/recording'
import { CommandError, EXIT } from './exit.ts'
import { accessLog, existingDir, findSession, keyOf, type ReadingOptions, whoReads } from './reading.ts'
import { show, type Terminal, table } from './terminal.ts'

/** Who looked into recordings, and who destroyed values, oldest first. Needs no key, and is no access itself. */
export async function sessionsAccesses(terminal: Terminal, { dir }: { readonly dir: string }): Promise<number> {
  const accesses = (await listAccesses(existingDir(dir))).map(told)
  show(terminal, accesses, all =>
    all.length === 0
      ? [`nobody has looked into recordings in ${dir}`]
      : table(
          ['TIME', 'WHO', 'WHAT', 'RECORDING', 'DETAIL'],
          all.map(one => [one.at, visible(one.who), one.action, one.recording ?? 'all', visible(one.detail)]),
        ),
  )
  return EXIT.ok
}

const told = ({ at, boot, instance, access }: NotedAccess) => ({
  at: new Date(at).toISOString(),
  who: access.who,
  action: access.kind === 'access' ? access.action : 'shred',
  recording: access.recording,
  detail: access.kind === 'access' ? access.detail : access.why,
  boot,
  instance,
})

export interface ShredOptions extends ReadingOptions {
  readonly yes?: boolean
  readonly why?: string
}

/** Destroys the key of a recording's literals, parameters and rows. It still verifies. */
export async function sessionsShred(terminal: Terminal, id: string, options: ShredOptions): Promise<number> {
  const found = await findSession(options.dir, id)
  if (found.logged === 'open') {
    throw new CommandError(
      EXIT.finding,
      `recording \`${found.recording}\` is still being written: wait until its session has ended`,
    )
  }
  if (options.yes !== true) {
    throw new CommandError(
      EXIT.misuse,
      `this destroys literals, parameters and rows of recording \`${found.recording}\` for good: add --yes to do so`,
    )
  }
  const entry = {
    kind: 'shredded',
    recording: found.recording,
    who: whoReads(options),
    why: options.why ?? '',
  } as const
  const log = await accessLog(found.dir, keyOf({ ...options, dir: found.dir }), entry)
  try {
    const outcome = await destroyValues(found.file)
    show(terminal, { recording: found.recording, values: outcome }, () => [
      outcome === 'destroyed'
        ? `the values of ${found.recording} are destroyed; it verifies as before. Destroy copies of ${found.recording}.values too`
        : `the values of ${found.recording} had been destroyed before`,
    ])
  } finally {
    await log.close()
  }
  return EXIT.ok
}
