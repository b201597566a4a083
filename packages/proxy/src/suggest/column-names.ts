import type { Mask } from '@querywarden/policy-core'

/** How sure a proposal is. */
export const CERTAINTIES = ['high', 'medium', 'low'] as const
export type Certainty = (typeof CERTAINTIES)[number]

/** What is proposed to be put on a column: what hides most and still is of use. */
export type ProposedMask = Extract<Mask, { kind: 'redact' | 'null' | 'partial' | 'email' | 'date-trunc' }>

/** What a column's name says of its values. */
export interface NameHint {
  readonly means: string
  readonly certainty: Certainty
  /** For text; other types take what they have. */
  readonly mask: ProposedMask
}

const REDACT: ProposedMask = { kind: 'redact' }
const LAST_FOUR: ProposedMask = { kind: 'partial', first: 0, last: 4, fill: '*' }

type Row = readonly [means: string, certainty: Certainty, mask: ProposedMask, names: string]

/** Names by what they mean, in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish; `|` between them. */
const HINTS: readonly Row[] = [
  [
    'social security or national identity number',
    'high',
    REDACT,
    'ssn|ssns|social_security|sozialversicherungsnummer|sv_nummer|nir|numero_secu|dni|nif|nie|codice_fiscale|cpf|bsn|pesel|nin|sin|national_id|national_identity|personnummer|cedula|curp|aadhaar|id_card|ausweisnummer|passport|reisepass|passnummer|pasaporte|driver_license|drivers_license|driving_licence|fuehrerschein',
  ],
  ['tax number', 'high', REDACT, 'tax_id|tin|ein|steuer_id|steuernummer|steuernr|siren_perso|cnpj|vat_id_person'],
  [
    'number of a payment card',
    'high',
    { kind: 'partial', first: 6, last: 4, fill: '*' },
    'pan|card|card_number|cardnumber|credit_card|creditcard|cc|ccn|kreditkarte|kartennummer|carte_bancaire|numero_carte|tarjeta|numero_tarjeta|cartao',
  ],
  ['security code of a card', 'high', REDACT, 'cvv|cvv2|cvc|cvc2|csc|card_code|pruefziffer_karte'],
  [
    'bank account',
    'high',
    LAST_FOUR,
    'iban|bank_account|account_iban|kontonummer|bankverbindung|compte_bancaire|cuenta_bancaria|conto_corrente|rekeningnummer|routing_number|sort_code|bban',
  ],
  [
    'password, key or token',
    'high',
    REDACT,
    'password|passwd|pwd|passphrase|pin_code|passwort|kennwort|mot_de_passe|contrasena|senha|wachtwoord|haslo|secret|client_secret|api_key|apikey|private_key|access_token|refresh_token|auth_token|bearer_token|session_token|api_token|token|totp_seed|otp_secret|recovery_codes|password_hash|password_salt|encryption_key',
  ],
  [
    'e-mail address',
    'high',
    { kind: 'email' },
    'email|e_mail|mail|mail_address|email_address|emailadresse|courriel|adresse_mail|correo|correo_electronico|posta_elettronica',
  ],
  [
    'telephone number',
    'high',
    REDACT,
    'phone|phone_number|telephone|tel|mobile|mobile_number|cell|cell_phone|fax|telefon|telefonnummer|handy|handynummer|mobilnummer|telefono|celular|portable|telefone|telefoon|msisdn|whatsapp',
  ],
  [
    'date of birth',
    'high',
    { kind: 'date-trunc', unit: 'year' },
    'dob|birth|birthday|birthdate|birth_date|date_of_birth|geburtsdatum|geburtstag|date_naissance|date_de_naissance|fecha_nacimiento|data_nascimento|nascimento|geboortedatum|data_urodzenia',
  ],
  [
    'pay',
    'high',
    REDACT,
    'salary|wage|wages|compensation|bonus_amount|gehalt|lohn|salaire|salario|stipendio|salaris|income|einkommen|net_worth',
  ],
  [
    'image or text of a document of identity',
    'medium',
    REDACT,
    'scan|passport_scan|id_scan|ocr|ocr_text|selfie|face_image|fingerprint|biometric|biometrics|signature_image',
  ],
  [
    'health',
    'medium',
    REDACT,
    'diagnosis|icd10|medical_history|health_status|blood_type|disability|allergies|diagnose|krankheit|prescription|medication',
  ],
  [
    'belief, origin or orientation',
    'medium',
    REDACT,
    'religion|ethnicity|race|sexual_orientation|political_party|union_member|konfession',
  ],
  [
    'postal address',
    'medium',
    REDACT,
    'address|street|street_address|address_line|postal_address|home_address|shipping_address|billing_address|adresse|anschrift|strasse|straße|direccion|calle|indirizzo|endereco|adres|rue',
  ],
  [
    'address of a machine',
    'medium',
    REDACT,
    'ip|ip_address|ip_addr|client_ip|remote_ip|remote_addr|last_ip|mac_address',
  ],
  ['where somebody is', 'medium', REDACT, 'latitude|longitude|gps|geolocation|last_location'],
  [
    'name of a person',
    'low',
    REDACT,
    'full_name|first_name|last_name|surname|given_name|family_name|middle_name|maiden_name|mothers_maiden_name|vorname|nachname|prenom|nom_de_famille|apellido|apellidos|cognome|sobrenome|achternaam|nazwisko',
  ],
  [
    'free text, which often tells of persons',
    'low',
    REDACT,
    'notes|note|comments|remarks|bemerkung|bemerkungen|notiz|notizen|remarque|observaciones|memo',
  ],
]

const BY_NAME: ReadonlyMap<string, NameHint> = new Map(
  HINTS.flatMap(([means, certainty, mask, names]) =>
    names.split('|').map(name => [name, { means, certainty, mask }] as const),
  ),
)

/** Words around a name that leave its meaning as it is. */
const BEFORE = new Set([
  'customer',
  'user',
  'client',
  'employee',
  'patient',
  'contact',
  'member',
  'person',
  'owner',
  'primary',
  'secondary',
  'home',
  'work',
  'private',
  'personal',
  'business',
  'old',
  'new',
  'prior',
  'previous',
  'current',
  'raw',
  'plain',
  'encrypted',
  'billing',
  'shipping',
  'recipient',
  'sender',
  'emergency',
  'alternate',
  'main',
  'kunden',
  'gross',
  'net',
  'base',
  'annual',
  'monthly',
  'reset',
  'login',
  'account',
  'holder',
  'applicant',
  'spouse',
  'parent',
  'guardian',
])
const AFTER = new Set([
  'number',
  'no',
  'nr',
  'num',
  'value',
  'raw',
  'plain',
  'text',
  'encrypted',
  'enc',
  'old',
  'new',
  'primary',
  'secondary',
  'home',
  'work',
  'mobile',
  'private',
  'line',
  '1',
  '2',
  '3',
])

/**
 * What a column's name says, or null. All of the name must be understood: `email` and `customer_email_2` are addresses,
 * `email_sent_at`, `card_brand` and `address_id` are not.
 */
export function hintOfName(name: string): NameHint | null {
  const words = wordsOf(name)
  for (let start = 0; start <= words.length - 1; start++) {
    for (let end = words.length; end > start; end--) {
      const hint = BY_NAME.get(words.slice(start, end).join('_'))
      const isWhole =
        words.slice(0, start).every(word => BEFORE.has(word)) && words.slice(end).every(word => AFTER.has(word))
      if (hint !== undefined && isWhole) return hint
    }
  }
  return null
}

/** `customerEmail2`, `customer_email_2`, `Correo-Electrónico`: words in lower case, without accents. */
const wordsOf = (name: string): readonly string[] =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/([a-z])([A-Z0-9])/g, '$1_$2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word !== '')
