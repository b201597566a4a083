import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import {
  type AnchorSource,
  cosignedCheckpoints,
  type DirectoryVerdict,
  folderAnchorSource,
  noteFileSource,
  objectStoreCheckpoints,
  RecordingError,
  type RecordingVerdict,
  verifyDirectory,
  verifyRecording,
} from '@querywarden/recording'
import { openObjectStore } from '../open-object-store.ts'
import { CommandError, EXIT } from './exit.ts'
import { progressBar } from './progress-bar.ts'
import { existingDir, findSession } from './reading.ts'
import { listSessions } from './recordings.ts'
import { readBucket } from './session-fetch.ts'
import { show, type Terminal } from './terminal.ts'
import { isSound, linesOf, loneFileLines, reportOf } from './verify-report.ts'

export interface VerifyCommandOptions {
  readonly dir: string
  readonly all?: boolean
  /** Folders, files with a checkpoint, or `s3:` and a file that says which bucket. */
  readonly anchor?: readonly string[]
  /** Keys of witnesses: what they cosigned stands beside the logs, and counts as anchored. */
  readonly witness?: readonly string[]
  /** Verifier keys, or files with one a line. */
  readonly key?: readonly string[]
}

const LOG_NAME = 'instance.log'

/** 0 only where there is no finding: an open or torn recording is not an answer to an auditor either. */
export async function sessionsVerify(
  terminal: Terminal,
  what: string | undefined,
  options: VerifyCommandOptions,
): Promise<number> {
  if ((what === undefined) !== (options.all === true)) {
    throw new CommandError(EXIT.misuse, 'name a session, a file or a directory, or give --all')
  }
  const found = what === undefined ? null : statSync(what, { throwIfNoEntry: false })
  if (what !== undefined && found?.isFile() === true && !existsSync(join(dirname(what), LOG_NAME))) {
    return verifyLoneFile(terminal, what)
  }
  const subject = await subjectOf(what, found?.isDirectory() === true, options)
  const verdict = await verified(subject, options)
  // An empty folder has nothing against it: whoever named the wrong one must not hear that all is well.
  if (verdict.recordings.length + verdict.logs.length === 0) {
    throw new CommandError(
      EXIT.misuse,
      `\`${subject.dir}\` holds no recordings and no logs of any; expected the directory that \`recording.dir\` names`,
    )
  }
  const recordings = verdict.recordings.filter(({ file }) => subject.file === null || file === subject.file)
  const report = reportOf(
    { ...verdict, recordings },
    { anchors: [...(options.anchor ?? []), ...(options.witness ?? [])], isWhole: subject.isWhole },
  )
  show(terminal, report, () => linesOf(report))
  return isSound(report) ? EXIT.ok : EXIT.finding
}

/** What is to be verified. */
interface Subject {
  readonly dir: string
  readonly recording: string | null
  readonly file: string | null
  /** All of a directory, its logs included. */
  readonly isWhole: boolean
}

async function subjectOf(what: string | undefined, isFolder: boolean, { dir }: VerifyCommandOptions): Promise<Subject> {
  if (what === undefined) return { dir: existingDir(dir), recording: null, file: null, isWhole: true }
  if (isFolder) {
    // A boot's own folder: what other boots saw of it is beside it.
    const whole = existsSync(join(what, LOG_NAME)) ? dirname(resolve(what)) : what
    return { dir: whole, recording: null, file: null, isWhole: true }
  }
  if (existsSync(what)) {
    const file = resolve(what)
    return { dir: dirname(dirname(file)), recording: basename(file, '.dbrec'), file, isWhole: false }
  }
  return { dir: existingDir(dir), recording: await recordingOf(what, dir), file: null, isWhole: false }
}

/** A recording whose file is gone still has a verdict. */
async function recordingOf(id: string, dir: string): Promise<string> {
  const gone = (await listSessions(dir)).filter(one => one.file === null && one.recording.startsWith(id))
  const [found, another] = gone
  return found !== undefined && another === undefined ? found.recording : (await findSession(dir, id)).recording
}

async function verified({ dir, recording }: Subject, options: VerifyCommandOptions): Promise<DirectoryVerdict> {
  const progress = progressBar(process.stderr, 'verifying')
  try {
    return await verifyDirectory(dir, {
      keys: null,
      progress: progress.show,
      verifierKeys: (options.key ?? []).flatMap(readKeys),
      ...anchorsOf(dir, options),
      ...(recording === null ? {} : { recording }),
    })
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandError(EXIT.misuse, error.message)
    throw error
  } finally {
    progress.end()
  }
}

function anchorsOf(
  dir: string,
  { anchor, witness }: VerifyCommandOptions,
): { readonly anchors?: readonly AnchorSource[] } {
  if (anchor === undefined && witness === undefined) return {}
  const keys = (witness ?? []).flatMap(readKeys)
  return { anchors: [...(anchor ?? []).map(anchorAt), ...(keys.length === 0 ? [] : [cosignedCheckpoints(dir, keys)])] }
}

/** A verifier key is given itself, or in a file, one a line; lines that begin with `#` are for people. */
function readKeys(text: string): readonly string[] {
  if (!existsSync(text)) return [text]
  return readFileSync(text, 'utf8')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}

function anchorAt(text: string): AnchorSource {
  if (text.startsWith('s3:')) return objectStoreCheckpoints(openObjectStore(readBucket(text.slice(3)), process.env))
  const found = statSync(text, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return folderAnchorSource(text)
  if (found?.isFile() === true) return noteFileSource(text)
  throw new CommandError(
    EXIT.misuse,
    `there is no anchor \`${text}\`; expected a folder, a file with a checkpoint, or \`s3:\` and a file with \`s3:\` settings`,
  )
}

async function verifyLoneFile(terminal: Terminal, file: string): Promise<number> {
  const recording = basename(file, '.dbrec')
  const verdict = await verifyRecording({ recording: null, source: createReadStream(file), log: null, keys: null })
  const found: RecordingVerdict = { recording, file, verdict, clockJumps: [] }
  show(terminal, { recordings: [found], logs: [] }, () => loneFileLines(found))
  return EXIT.finding
}
