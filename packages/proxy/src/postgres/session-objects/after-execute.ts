import type { Names } from '../names.ts'
import type { Portal } from '../portal.ts'
import { type PreparedStatement, preparedStatement } from '../prepared-statement.ts'
import { type Naming, namingOf } from './naming.ts'
import type { PlannedNames } from './planned-names.ts'

/** Done once the server has completed a statement, with the tag that it gave. */
export type Commit = (tag: string) => void

/**
 * Plans what becomes of the session's names by executing a portal, and gives what to do once the server has done so;
 * null where nothing does.
 */
export function planNames(portal: Portal, planned: PlannedNames, names: Names): Commit | null {
  const naming = namingOf(portal)
  if (naming === null) return null
  const { command } = naming
  switch (command.kind) {
    case 'prepare': {
      if (naming.inner === null) return null
      const made = statementMade(portal, command.at.name, naming.upstreamName, naming.inner)
      planned.addStatement(made)
      return () => names.addStatement(spent(made, naming))
    }
    case 'declare': {
      const made: Portal = {
        ...cursorMade(portal, command.at.name, naming),
        cursor: { ...traits(command), isHeld: false },
      }
      planned.addPortal(made)
      return () => names.addPortal(spent(made, naming))
    }
    case 'close': {
      const { name } = command.at
      planned.removePortal(name)
      return () => names.removePortal(name)
    }
    case 'deallocate': {
      const { name } = command.at
      planned.removeStatement(name)
      return () => names.removeStatement(name)
    }
    case 'close-all':
      planned.removeAllPortals()
      return () => names.removeAllPortals()
    case 'deallocate-all':
      planned.removeAllStatements()
      return () => names.removeAllStatements()
    case 'savepoint':
      return () => names.addSavepoint(command.name)
    case 'release':
      return () => names.releaseSavepoint(command.name)
    case 'rollback-to':
      return () => names.rollBackTo(command.name)
    case 'end-transaction':
      // COMMIT of a transaction that has failed is a ROLLBACK, and its tag says so.
      return tag => names.endTransaction(tag === 'ROLLBACK' ? 'rolled-back' : 'committed')
    case 'execute':
    case 'fetch':
    case 'current-of':
    case 'unclear':
      return null
  }
}

const statementMade = (
  { statement: { withheld } }: Portal,
  name: string,
  upstreamName: string,
  inner: NonNullable<Naming['inner']>,
): PreparedStatement =>
  preparedStatement({
    ...inner,
    name,
    upstreamName,
    parameterTypes: [],
    isEmpty: false,
    withheld,
    naming: null,
    positionShift: null,
  })

/** A cursor goes on under the clearance that its DECLARE has: what is fetched is what was declared. */
const cursorMade = (portal: Portal, name: string, { upstreamName }: Naming): Portal => ({
  ...portal,
  name,
  upstreamName,
  target: null,
  columns: null,
  mask: null,
})

const traits = ({ isBinary, isHold }: { readonly isBinary: boolean; readonly isHold: boolean }) => ({
  isBinary,
  isHold,
})

/** What is made under a name takes it for good: the next to be made gets another. */
function spent<Made>(made: Made, naming: Naming): Made {
  naming.isSpent = true
  return made
}
