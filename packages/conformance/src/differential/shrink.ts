import { groupsOf, tokensOf } from './tokens.ts'

/**
 * The smallest text found that still fails: brackets are emptied or opened, then ever shorter runs of tokens left out.
 * `fails` is asked `attemptsMax` times at most.
 */
export async function shrink(
  text: string,
  { fails, attemptsMax }: { readonly fails: (text: string) => Promise<boolean>; readonly attemptsMax: number },
): Promise<string> {
  let tokens = tokensOf(text)
  let left = attemptsMax
  const tryIt = async (candidate: string[]): Promise<boolean> => {
    if (left <= 0 || candidate.length >= tokens.length) return false
    left -= 1
    if (!(await fails(candidate.join('')))) return false
    tokens = candidate
    return true
  }
  for (let shorter = true; shorter && left > 0; ) {
    shorter = false
    for (const [from, to] of groupsOf(tokens)) {
      if (to >= tokens.length) continue
      const inside = tokens.slice(from + 1, to)
      if (await tryIt(inside)) shorter = true
      else if (await tryIt([...tokens.slice(0, from), ...inside, ...tokens.slice(to + 1)])) shorter = true
      if (shorter) break
    }
    for (let size = Math.ceil(tokens.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < tokens.length; ) {
        if (await tryIt([...tokens.slice(0, at), ...tokens.slice(at + size)])) shorter = true
        else at += size
      }
    }
  }
  return tokens.join('').trim()
}
