import type { Report } from '../error-response.ts'
import type { NamingCommand } from './naming.ts'

const report = (sqlstate: string, message: string, hint: string): Report => ({ sqlstate, message, hint })

export const unclearName = (): Report =>
  report(
    '0A000',
    'statement refused: it names a cursor or prepared statement where this gateway does not follow the name',
    'use WHERE CURRENT OF in an UPDATE or DELETE by itself only',
  )

export const notConstant = (): Report =>
  report(
    '0A000',
    'statement refused: an argument of EXECUTE is more than a constant, and nothing would judge what it computes',
    'pass literals, or a literal with a cast to a built-in type; or write the statement itself',
  )

export const notToExecute = (): Report =>
  report(
    '0A000',
    'statement refused: EXECUTE runs SELECT, VALUES, INSERT, UPDATE, DELETE and MERGE only',
    'bind and execute this statement by the extended protocol',
  )

export const notItsRows = (): Report =>
  report(
    '0A000',
    'statement refused: this portal has no query of its own that rows could be fetched from',
    'fetch from the cursor itself',
  )

/** Schema or policy moved since: what the server holds isn't what would be judged now (threats N4). */
export const stale = (): Report =>
  report(
    '0A000',
    'the schema or the policy changed since this statement was prepared',
    'prepare it again; it will be judged as things are now',
  )

/** 42P05 is duplicate_prepared_statement, 42P03 duplicate_cursor. */
export const takenMeanwhile = (kind: 'prepare' | 'declare'): Report =>
  report(
    kind === 'prepare' ? '42P05' : '42P03',
    'the name has been taken since this portal was bound',
    'close what has it, or use another name',
  )

/** 26000 is invalid_sql_statement_name, 34000 invalid_cursor_name. */
export const lostObject = (kind: NamingCommand['kind']): Report =>
  report(
    kind === 'execute' || kind === 'deallocate' ? '26000' : '34000',
    'what this portal was bound to is not what has the name now',
    'bind it again',
  )

export const tooManyStatements = (statementsMax: number): Report =>
  report('54000', `a session may hold ${statementsMax} prepared statements`, 'close those that are not needed')

export const tooMuchHeld = (): Report =>
  report(
    '54000',
    'this session holds too many bytes in prepared statements and portals',
    'close those that are not needed',
  )
export const tooMuchToSend = (): Report =>
  report('54000', 'this batch comes to more than may be sent to the database at once', 'send it in parts')
