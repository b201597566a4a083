/** An identifier as SQL, whatever is in it. The server cuts what is longer than 63 bytes, and so does its catalog. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A relation as SQL, with its schema: no search path and no WITH query comes between. */
export const quoteRelation = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  `${quoteName(schema)}.${quoteName(name)}`
