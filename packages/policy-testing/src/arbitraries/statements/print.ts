import { type Statement as Tree, toSql } from 'pgsql-ast-parser'

/** Quoted stretches as they are; a run of blanks as one, or none before what needs none. */
const QUOTED_OR_BLANK = /(E?'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$)|\s+(?=[,.)]|$)|\s+/gsu

/** Prints a tree, without the blanks that the printer strews about. */
export const print = (tree: Tree): string => tidy(toSql.statement(tree))

/** One blank where there were several, outside of quotes. */
export const tidy = (text: string): string =>
  text.replace(QUOTED_OR_BLANK, (found, quoted: string | undefined, at: number) => {
    if (quoted !== undefined) return quoted
    return /^(?:[,.)]|$)/u.test(text.slice(at + found.length)) ? '' : ' '
  })

/** A name for a tree. The printer puts double quotes around names that need them, but doubles none within. */
export const printable = (name: string): string => name.replaceAll('"', '""')

/** Words that servers reserve and the printer puts no quotes around. */
const LEFT_BARE: readonly string[] = ['column', 'system_user']

/** Whether a name can be printed at all. */
export const isPrintable = (name: string): boolean => name !== '' && !LEFT_BARE.includes(name) && !/\p{Cc}/u.test(name)

/** A name in double quotes, for what is written without a tree. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
