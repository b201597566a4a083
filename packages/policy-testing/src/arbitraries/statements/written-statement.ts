import type { Access, CatalogRelation, ColumnName, Effect } from '@querywarden/policy-core'

/** What kind of statement it is, by its first words. */
export type Verb =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'truncate'
  | 'create table'
  | 'create view'
  | 'create materialized view'
  | 'create index'
  | 'create sequence'
  | 'create schema'
  | 'create type'
  | 'create role'
  | 'alter table'
  | 'drop table'
  | 'comment'
  | 'grant'
  | 'revoke'
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'set'
  | 'show'
  | 'prepare'
  | 'deallocate'
  | 'listen'
  | 'notify'
  | 'do'
  | 'copy'
  | 'lock'
  | 'analyze'
  | 'call'

/** A relation that a statement's text names, and how it uses it. */
export interface WrittenUse {
  readonly relation: CatalogRelation
  readonly access: Access
}

/** A column that a statement's text names, or shows by a star. */
export interface WrittenColumn extends ColumnName {
  /** False where it is only assigned to. */
  readonly isRead: boolean
}

/** A statement with the truth about it, known because it was made and not read. */
export interface WrittenStatement {
  readonly text: string
  readonly verb: Verb
  /**
   * What its text does, in the order of `EFFECTS`. What triggers, rules, defaults and views do on its behalf isn't in here:
   * a classifier that says more is right, one that says less is wrong.
   */
  readonly effects: readonly Effect[]
  readonly relations: readonly WrittenUse[]
  readonly columns: readonly WrittenColumn[]
  /** It changes every row of a relation: no WHERE, or one that is always true; TRUNCATE. */
  readonly isUnbounded: boolean
}
