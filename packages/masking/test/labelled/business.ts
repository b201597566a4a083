import { ALPHANUMERIC, BASE64, HEX, LOWER, type Seeded, UPPER } from './seeded.ts'

/** Ordinary values of business tables, in which nothing is to be found. Kinds that have check digits have valid ones. */
export const BUSINESS: Readonly<Record<string, (random: Seeded) => string>> = {
  'order number': ({ pick, digits }) => pick([`ORD-${digits(8)}`, `SO${digits(10)}`, `2024-${digits(6)}`]),
  'long order number': ({ below, digits }) => `${1 + below(9)}${digits(15)}`,
  'invoice number': ({ digits, pick }) => pick([`INV-2024-${digits(5)}`, `RE${digits(7)}`, `2024/${digits(4)}`]),
  sku: ({ of, digits }) => `${of(UPPER, 3)}-${digits(4)}-${of(UPPER, 2)}`,
  ean13: ({ digits }) => withEanDigit(`4${digits(11)}`),
  isbn: ({ digits }) => withEanDigit(`978${digits(9)}`),
  imei: ({ digits }) => `35${digits(13)}`,
  uuid: ({ of }) => `${of(HEX, 8)}-${of(HEX, 4)}-4${of(HEX, 3)}-a${of(HEX, 3)}-${of(HEX, 12)}`,
  md5: ({ of }) => of(HEX, 32),
  sha1: ({ of }) => of(HEX, 40),
  sha256: ({ of }) => of(HEX, 64),
  base64: ({ of }) => `${of(BASE64, 60)}==`,
  'object id': ({ of }) => of(HEX, 24),
  ulid: ({ of }) => `01${of('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 24)}`,
  'stripe id': ({ of }) => `cus_${of(ALPHANUMERIC, 14)}`,
  'ISO time': ({ digits, below }) =>
    `2024-0${1 + below(9)}-1${below(10)}T1${below(10)}:2${below(10)}:3${below(10)}.${digits(3)}Z`,
  'server time': ({ digits, below }) =>
    `2024-0${1 + below(9)}-1${below(10)} 1${below(10)}:2${below(10)}:3${below(10)}.${digits(6)}+02`,
  'epoch in seconds': ({ digits }) => `17${digits(8)}`,
  'epoch in milliseconds': ({ digits }) => `17${digits(11)}`,
  'epoch in microseconds': ({ digits }) => `17${digits(14)}`,
  'compact time': ({ digits, below }) =>
    `2024${10 + below(3)}1${below(10)}1${below(10)}${digits(1)}${below(6)}${below(10)}${below(6)}`,
  price: ({ below, digits, pick }) => `${pick(['$', '€', 'CHF ', ''])}${1 + below(999)},${digits(3)}.${digits(2)}`,
  'German price': ({ below, digits }) => `${1 + below(999)}.${digits(3)},${digits(2)} €`,
  decimal: ({ below, digits }) => `${below(1000)}.${digits(16)}`,
  coordinates: ({ below, digits }) => `${below(90)}.${digits(6)}, -${below(180)}.${digits(6)}`,
  version: ({ below, pick }) =>
    `${pick(['v', '', 'release '])}${below(20)}.${below(40)}.${below(40)}${pick(['', '-rc.1', '+build.7'])}`,
  'UPS tracking': ({ of, digits }) => `1Z${of(UPPER, 3)}${digits(3)}${digits(10)}`,
  'USPS tracking': ({ digits }) => `94001118992${digits(11)}`,
  'FedEx tracking': ({ digits }) => digits(12),
  'DHL tracking': ({ digits }) => `JD0146${digits(14)}`,
  'German address': ({ pick, below, digits }) =>
    `${pick(['Hauptstraße', 'Am Markt', 'Lindenweg'])} ${1 + below(200)}, ${digits(5)} ${pick(['Köln', 'Ulm', 'Görlitz'])}`,
  'US address': ({ pick, below, digits }) =>
    `${1 + below(9999)} ${pick(['Main St', 'Elm Ave', '5th Street'])} Apt ${below(99)}, ${pick(['Reno, NV', 'Dover, DE'])} ${digits(5)}-${digits(4)}`,
  'French text': ({ pick, below }) =>
    `${pick(['Livraison prévue', 'Commande expédiée'])} le ${1 + below(28)} mars, ${below(90)} articles, référence n° ${below(100_000)}.`,
  'German text': ({ pick, below }) =>
    `${pick(['Lieferung', 'Rücksendung'])} in ${1 + below(9)}–${10 + below(9)} Werktagen, Regal ${below(90)}-${below(90)}-${below(9000)}, ${below(100)} %.`,
  'English text': ({ pick, below }) =>
    `${pick(['Called back', 'Left a message'])} at ${1 + below(12)}:${10 + below(50)}; see pages ${below(100)}-${100 + below(900)}, @team, cc sales @ 5pm.`,
  'Spanish text': ({ below }) => `Factura de ${below(9000)} unidades, 3 x 20 mm, albarán ${below(100_000)}/2024.`,
  'person name': ({ pick, of }) => `${pick(['Ana', 'Jürgen', 'Siobhán'])} ${of(UPPER, 1)}${of(LOWER, 6)}`,
  'file path': ({ of, digits }) => `/var/data/${of(LOWER, 6)}/2024/${digits(8)}_${of(LOWER, 5)}.csv`,
  url: ({ of, digits }) =>
    `https://www.example.com/${of(LOWER, 7)}/${digits(9)}?ref=${of(ALPHANUMERIC, 10)}#s${digits(2)}`,
  handle: ({ of }) => `@${of(LOWER, 9)}`,
  'MAC address': ({ of }) => Array.from({ length: 6 }, () => of(HEX, 2)).join(':'),
  'opening hours': ({ below }) => `Mo-Fr 0${below(9)}:00-1${below(9)}:30, Sa 10:00-14:00`,
  dimensions: ({ below }) => `${below(300)} x ${below(300)} x ${below(300)} mm`,
  'part number': ({ digits, of }) => `${digits(3)}-${digits(3)}-${digits(3)}-${of(UPPER, 1)}`,
  'account number': ({ digits }) => digits(10),
  'German tax number': ({ digits }) => `${digits(3)}/${digits(3)}/${digits(5)}`,
  json: ({ digits, of }) =>
    `{"id": ${digits(6)}, "sku": "${of(UPPER, 4)}-${digits(4)}", "qty": 3, "at": "2024-05-06T10:00:00Z"}`,
  'list of numbers': ({ digits }) => `{${[digits(4), digits(4), digits(4), digits(4)].join(',')}}`,
  'git reference': ({ of, pick }) => `${pick(['refs/heads/', 'origin/'])}${of(LOWER, 5)}-${of(HEX, 7)}`,
}

function withEanDigit(body: string): string {
  const sum = Array.from(body).reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0)
  return body + ((10 - (sum % 10)) % 10)
}
