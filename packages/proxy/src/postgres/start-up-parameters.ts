/**
 * What a client may ask for in its start-up packet. Everything else is refused: `options`, `replication`, `role`,
 * `search_path` and whatever a later server invents all take effect before the first statement is seen (threats E7).
 */
const ACCEPTED: ReadonlyMap<string, RegExp> = new Map([
  ['user', /^[^\0]{1,128}$/],
  ['database', /^[^\0]{1,128}$/],
  ['application_name', /^[\x20-\x7e]{0,256}$/],
  ['client_encoding', /^'?(utf-?8|unicode)'?$/i],
  ['datestyle', /^(iso|sql|postgres|german)?(,\s*(mdy|dmy|ymd))?$/i],
  ['timezone', /^[A-Za-z0-9_+\-/:]{1,64}$/],
  ['intervalstyle', /^(postgres|postgres_verbose|sql_standard|iso_8601)$/i],
  ['extra_float_digits', /^([0-3]|-(1[0-5]|[1-9]))$/],
])

/** Those that are passed on; the gateway says the rest itself. */
const PASSED_ON = ['datestyle', 'timezone', 'intervalstyle', 'extra_float_digits']

export type StartUpReading =
  | {
      readonly kind: 'accepted'
      readonly target: string
      readonly user: string
      readonly applicationName: string
      readonly settings: ReadonlyMap<string, string>
    }
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string }

/** Judges a client's start-up parameters. Protocol extensions (`_pq_.`) are left to version negotiation. */
export function readStartUpParameters(parameters: ReadonlyMap<string, string>): StartUpReading {
  const given = new Map<string, string>()
  for (const [name, value] of parameters) {
    if (name.startsWith('_pq_.')) continue
    const key = name.toLowerCase()
    const form = ACCEPTED.get(key)
    if (form === undefined) return refused(`start-up parameter \`${printable(name)}\` is not accepted by this gateway`)
    if (given.has(key)) return refused(`start-up parameter \`${printable(name)}\` is given twice`)
    if (!form.test(value))
      return refused(`start-up parameter \`${printable(name)}\` has a value that this gateway does not accept`)
    given.set(key, value)
  }
  const user = given.get('user')
  if (user === undefined) return refused('the start-up packet names no user')
  return {
    kind: 'accepted',
    user,
    target: given.get('database') ?? user,
    applicationName: given.get('application_name') ?? '',
    settings: new Map(PASSED_ON.flatMap(key => (given.has(key) ? [[key, given.get(key) ?? '']] : []))),
  }
}

const refused = (message: string): StartUpReading => ({
  kind: 'refused',
  message,
  hint: `leave it out; accepted are ${[...ACCEPTED.keys()].join(', ')}`,
})

const printable = (name: string): string => name.replace(/[^\x21-\x7e]/g, '?').slice(0, 64)
