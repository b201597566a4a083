import type { Parameter } from '@querywarden/policy-core'
import { type SessionCommand, withName } from '@querywarden/sql/postgres'
import type { Report } from '../error-response.ts'
import { newRun, type Portal } from '../portal.ts'
import type { PreparedStatement } from '../prepared-statement.ts'
import type { PlannedNames } from './planned-names.ts'
import { lostObject, notItsRows, notToExecute, takenMeanwhile } from './reports.ts'

/** A command that names an object. */
export type NamingCommand = Extract<SessionCommand, { readonly at: unknown }>

/** What a statement does with objects that the client names. */
export interface Naming {
  readonly command: SessionCommand
  /** The name that its text has upstream in the place of the client's; empty where it names none. */
  readonly upstreamName: string
  /** What PREPARE makes ready, judged by itself: as each EXECUTE of it will be. */
  readonly inner: { readonly text: string; readonly sentText: string } | null
  /** The upstream name has had an object, so no other may be made under it. */
  isSpent: boolean
}

export const isNaming = (command: SessionCommand | null): command is NamingCommand =>
  command !== null && 'at' in command

/** Whether it is about portals, or else about statements. */
const isOfPortals = ({ kind }: NamingCommand): boolean =>
  kind !== 'prepare' && kind !== 'execute' && kind !== 'deallocate'

/** What a command names, as of when the server will come to it. */
export const targetOf = (command: NamingCommand, names: PlannedNames): PreparedStatement | Portal | null =>
  (isOfPortals(command) ? names.portal(command.at.name) : names.statement(command.at.name)) ?? null

/**
 * Names an object upstream: by the name that it has there, or by one that nothing ever had. Of a name that is taken the
 * server itself then says so, and of one that isn't there too.
 */
export const nameUpstream = (command: NamingCommand, names: PlannedNames): Pick<Naming, 'upstreamName' | 'isSpent'> => {
  const target = targetOf(command, names)
  return target === null
    ? { upstreamName: names.upstreamNameFor(command.kind), isSpent: false }
    : { upstreamName: target.upstreamName, isSpent: true }
}

/** What is sent for a statement: its rewritten text, with the upstream name in the place of the client's. */
export function wireText(sentText: string, naming: Naming | null): string | null {
  if (naming === null || !isNaming(naming.command)) return sentText
  return withName(naming.command.at, sentText, naming.upstreamName)
}

/** A text of the server's, with the client's name for what it calls by the upstream name. */
export const withClientsName = (text: string, { command, upstreamName }: Naming): string =>
  isNaming(command) ? text.replaceAll(`"${upstreamName}"`, () => `"${command.at.name}"`) : text

/** Whether a statement's upstream name still is the one to use for what it names. */
export function isNamedRight({ naming }: PreparedStatement, names: PlannedNames): boolean {
  if (naming === null || !isNaming(naming.command)) return true
  const target = targetOf(naming.command, names)
  return target === null ? !naming.isSpent : target.upstreamName === naming.upstreamName
}

/** What changes of a statement when what it names, which may be itself, has another upstream name by now. */
export function namedAnew(
  statement: PreparedStatement,
  naming: Naming,
  names: PlannedNames,
): Pick<PreparedStatement, 'upstreamName' | 'naming' | 'positionShift'> {
  const { positionShift } = statement
  const upstreamName = names.upstreamNameFor(statement.name)
  if (!isNaming(naming.command)) return { upstreamName, naming, positionShift }
  const isItself = targetOf(naming.command, names) === statement
  const named = isItself ? { upstreamName, isSpent: true } : nameUpstream(naming.command, names)
  const longer = naming.upstreamName.length - named.upstreamName.length
  return {
    upstreamName,
    naming: { ...naming, ...named },
    positionShift: positionShift === null ? null : positionShift + longer,
  }
}

/** How a portal comes about: by Bind, or as the one of a simple query. */
export type Bound = Pick<Portal, 'name' | 'upstreamName' | 'parameters'>

/** Makes the portal of a statement: finds what it names, and whose rows it would give under whose clearance. */
export function portalOf(statement: PreparedStatement, bound: Bound, names: PlannedNames): Portal | Report {
  // Field by field, as this is done for every statement: a spread costs several times as much.
  const own = {
    name: bound.name,
    upstreamName: bound.upstreamName,
    parameters: bound.parameters,
    statement,
    subject: statement,
    run: newRun(),
    target: null,
    cursor: null,
    columns: null,
    mask: null,
  }
  const command = statement.naming?.command ?? null
  if (!isNaming(command)) return own
  if (command.kind === 'execute') {
    const target = names.statement(command.at.name)
    if (target === undefined) return own
    if (target.isEmpty || target.naming !== null) return notToExecute()
    return { ...own, subject: target, parameters: (command.values ?? []).map(asParameter), target }
  }
  if (command.kind === 'fetch') {
    const target = names.portal(command.at.name)
    if (target === undefined) return own
    if (target.statement.isEmpty || (target.statement.naming !== null && target.cursor === null)) return notItsRows()
    return { ...own, subject: target.subject, parameters: target.parameters, run: target.run, target }
  }
  return { ...own, target: targetOf(command, names) }
}

/** An argument of EXECUTE. Which type it is taken for, the server says. */
const asParameter = (value: string | null): Parameter => ({ typeOid: 0, format: 'text', value })

/** What executing a portal does with objects that the client names. A cursor has been declared: it only gives rows. */
export const namingOf = ({ statement, cursor }: Portal): Naming | null => (cursor === null ? statement.naming : null)

/** Whether a portal would run what isn't there. The server will say so; nothing of it is decided or recorded. */
export const isMissing = (portal: Portal): boolean => {
  const kind = namingOf(portal)?.command.kind
  return portal.target === null && (kind === 'execute' || kind === 'fetch')
}

/** Why a portal may no longer be executed: what its statement names is another by now than when it was bound. */
export function whyNotMeant(portal: Portal, names: PlannedNames): Report | null {
  const naming = namingOf(portal)
  const command = naming?.command ?? null
  if (!isNaming(command)) return null
  const now = targetOf(command, names)
  if (command.kind === 'prepare' || command.kind === 'declare')
    return now === null || now.upstreamName === naming?.upstreamName ? null : takenMeanwhile(command.kind)
  return now === portal.target ? null : lostObject(command.kind)
}
