import { ALPHANUMERIC, BASE64, HEX, type Seeded } from './seeded.ts'

/** Where values turn up in tables: `§` is the value's place. */
export const CONTEXTS = [
  '§',
  '§.',
  ' § ',
  '(§)',
  '"§"',
  'value: §',
  'value=§',
  'Customer wrote: §, please update.',
  'Kundin meldet neue Angabe: §. Bitte prüfen!',
  'Le client a communiqué « § » le 12/03.',
  'El cliente indicó § por correo.',
  '顧客から§を受領。',
  'note;§;2024-05-06;open',
  'id,value,ok\n17,§,true',
  '{"value": "§", "n": 3}',
  '{"a":[{"b":"§"}]}',
  '<entry key="x">§</entry>',
  'https://api.example.com/v1/things?value=§&page=2',
  '2024-05-06T12:34:56Z INFO request value=§ took=12ms',
  '- §\n- second line',
  'was §\tnow empty',
  '§ / old',
  'see ticket #4711: § (confirmed)',
  "INSERT INTO t VALUES ('§')",
  '>§<',
] as const

/** Values that are found by what they are called: text, and the value in it. */
export const NAMED_SECRETS: readonly ((random: Seeded) => readonly [text: string, value: string])[] = [
  random => named(random, value => `aws_secret_access_key = ${value}`),
  random => named(random, value => `AWS_SECRET_ACCESS_KEY=${value}\n`),
  random => named(random, value => `{"SecretAccessKey": "${value}"}`),
  random => named(random, value => `export AWS_SECRET='${value}'`),
  random => named(random, value => `secret key: ${value} (rotate!)`),
]

function named({ of }: Seeded, write: (value: string) => string): readonly [string, string] {
  const value = `${of(BASE64, 16)}aB3${of(ALPHANUMERIC, 14)}EXAMPLE`
  return [write(value), value]
}

/** What is the same in every way but one. */
export const NEAR_MISSES = (random: Seeded): readonly string[] => [
  `checksum ${random.of(HEX, 40)}`,
  `secret of ${random.of(HEX, 64)}`,
  `sk-${random.pick(['loading-spinner-wrapper-inner', 'cube-grid-animation', 'SK', 'fading-circle'])}`,
  'eyJhbGciOiJIUzI1NiJ9',
  'eyJ.eyJ.eyJ',
  '-----BEGIN CERTIFICATE-----\nMIIB8jCCAVugAwIBAgIQ\n-----END CERTIFICATE-----',
  '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PUBLIC KEY-----',
  'the line -----BEGIN PRIVATE KEY----- comes first',
  'AKIASHORT',
  'ghp_example',
  'xoxo, grandma',
  `version ${random.below(20)}.${random.below(200)}.${random.below(200)}.${random.below(200)}`,
  `v${1 + random.below(20)}.${random.below(200)}.${random.below(200)}.${random.below(200)}`,
  `${1 + random.below(9)}.${random.below(30)}.${random.below(30)}`,
  '00:1a:2b:3c:4d:5e',
  '00:1a:2b:ff:fe:3c:4d:5e',
  'std::vector<int>',
  '12:34:56',
  'AIzaShort',
]
