import type { Identity } from '@querywarden/policy-core'
import type { Situation } from './situations.ts'

/** A situation as lines of a report. */
export const tellSituation = ({ principal, now, surroundings }: Situation): readonly string[] => [
  `  as         ${tellIdentity(principal)}`,
  ...(principal.actor === null ? [] : [`  through    ${tellIdentity(principal.actor)}`]),
  ...(now === null ? [] : [`  at         ${new Date(now).toISOString()}`]),
  ...(surroundings === null ? [] : [`  with       ${JSON.stringify(surroundings)}`]),
]

const tellIdentity = ({ subject, issuer, groups, claims = [] }: Identity): string =>
  [
    `${subject} of ${issuer}`,
    groups.length === 0 ? 'in no group' : `in ${groups.join(', ')}`,
    ...claims.map(({ name, values }) => `${name} ${values.join(', ')}`),
  ].join('; ')
