import { isWordEnd, isWordStart } from './ascii.ts'

/** 36 characters in the first year, and up to 255 as GitHub announced. */
const TOKEN = /gh[pousr]_[A-Za-z0-9_]{36,251}|github_pat_[A-Za-z0-9_]{36,244}/y

/**
 * The end of a GitHub token that begins at `at`, or -1: personal, OAuth, user-to-server, server-to-server, refresh and
 * fine-grained. Source: docs.github.com, "About authentication to GitHub", token formats.
 */
export function githubTokenAt(text: string, at: number): number {
  if (!isWordStart(text, at)) return -1
  TOKEN.lastIndex = at
  return TOKEN.test(text) && isWordEnd(text, TOKEN.lastIndex) ? TOKEN.lastIndex : -1
}
