import { type PolicyIssue, readYaml } from '@querywarden/policy-core/yaml'

/** Gives issues that were found in what a YAML text says the places where it says so, in the order of the text. */
export function locateIssues<Issue extends PolicyIssue>(
  text: string,
  file: string,
  issues: readonly Issue[],
): readonly (Issue & Pick<PolicyIssue, 'location'>)[] {
  // Reading again is how a path finds its place: the reader gives places to whatever its parse complains of.
  const located = new Map<string, PolicyIssue['location']>()
  try {
    readYaml(text, {
      file,
      parse: () => {
        throw new Complaint(issues)
      },
      fail: found => {
        for (const { path, at, location } of found) located.set(JSON.stringify([path, at]), location)
        return new Complaint(found)
      },
    })
  } catch (error) {
    if (!(error instanceof Complaint)) throw error
  }
  return issues
    .map(issue => ({ ...issue, location: located.get(JSON.stringify([issue.path, issue.at])) ?? null }))
    .sort((a, b) => spotOf(a)[0] - spotOf(b)[0] || spotOf(a)[1] - spotOf(b)[1])
}

const spotOf = ({ location }: PolicyIssue): readonly [number, number] => [location?.line ?? 0, location?.column ?? 0]

class Complaint extends Error {
  override readonly name = 'Complaint'
  readonly issues: readonly PolicyIssue[]

  constructor(issues: readonly PolicyIssue[]) {
    super('issues')
    this.issues = issues
  }
}
