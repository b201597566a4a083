/**
 * Longer documents are NULL: 2 MiB. The shortest element takes two bytes and no replacement takes more than some hundred,
 * so that no masked document outgrows the 256 MiB of jsonb (JENTRY_OFFLENMASK in utils/jsonb.h), which would raise.
 */
export const JSON_BYTES_MAX = 2_097_152

/** A replacement longer than this is null, by the same reckoning: 100 bytes, with the 64 digits of a hash below it. */
export const REPLACEMENT_BYTES_MAX = 100

/** What is no unpaired surrogate: an escaped backslash, and a pair. */
export const WELL_FORMED_ESCAPES = '[\\\\][\\\\]|[\\\\]u[dD][89abAB][0-9a-fA-F]{2}[\\\\]u[dD][c-fC-F][0-9a-fA-F]{2}'
/** What json keeps and no text can hold, where it is not well-formed: NUL and the surrogates. */
export const UNREADABLE_ESCAPE = '[\\\\]u(0000|[dD][89a-fA-F])'
