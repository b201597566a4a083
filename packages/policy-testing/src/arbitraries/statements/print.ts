import { type Statement as Tree, toSql } from 'pgsql-ast-parser'

/**
 * What the printer puts around things without need: brackets around a literal, several blanks, blanks before what needs none.
 * Quoted stretches stay as they are.
 */
const NEEDLESS =
  /\((\d+|E?'(?:[^']|'')*'|null|true|false)\)(?!\w)|(E?'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$)|\s+(?=[,.)]|$)|(\s+)/gsu

/** Prints a tree, without the blanks and brackets that the printer strews about. */
export const print = (tree: Tree): string => tidy(toSql.statement(tree))

const tidy = (text: string): string =>
  text.replace(
    NEEDLESS,
    (_, literal: string | undefined, quoted: string | undefined, blanks: string | undefined) =>
      literal ?? quoted ?? (blanks === undefined ? '' : ' '),
  )

/** A name for a tree. The printer puts double quotes around names that need them, but doubles none within. */
export const printable = (name: string): string => name.replaceAll('"', '""')

/** Words that servers reserve and the printer puts no quotes around. */
const LEFT_BARE: readonly string[] = ['column', 'system_user']

/** Whether a name can be printed at all. */
export const isPrintable = (name: string): boolean => name !== '' && !LEFT_BARE.includes(name) && !/\p{Cc}/u.test(name)

/** A name in double quotes, for what is written without a tree. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
