import { readFile } from 'node:fs/promises'
import { corpusFile, readSchema } from '../attacks/corpus-case.ts'
import { rulesWith, type Side, type TwinPlan, type TwinRelation } from './plan.ts'

/**
 * The shop of the attack corpora. Its other side has the schema's hidden literals changed to what the policy's masks show
 * alike; nothing else in schema.sql looks like one.
 */
export async function shopPlan(): Promise<TwinPlan> {
  const schema = await readSchema()
  const policy = await readFile(corpusFile('policy.yaml'), 'utf8')
  const masks = [...policy.matchAll(/^ {2}- (\{ columns: .*\})$/gm)].map(([, mask]) => mask ?? '')
  const sides: Readonly<Record<Side, string>> = { left: schema, right: twinOf(schema) }
  return {
    name: 'shop',
    sqlOf: side => `${sides[side]}\n${BOUNDS}`,
    policy: rulesWith(masks),
    account: { user: 'app_owner', password: 'owner-pw' },
    relations: RELATIONS,
    guesses: [schema, sides.right].flatMap(text => [...text.matchAll(HIDDEN)].map(([value]) => `'${value}'`)),
    functions: [
      'public.get_customer',
      'public.find_ref',
      'public.customer_out',
      'public.masked_ref',
      'public.order_total',
    ],
  }
}

const BOUNDS = `;
ALTER ROLE app_owner SET statement_timeout = '2s';
ALTER ROLE app_owner SET lock_timeout = '1s';
ALTER ROLE app_owner SET temp_file_limit = '64MB'`

// SSNs, e-mail addresses, phones, secret answers, cards, tokens, IBANs, national ids, salaries, accounts, scans.
const HIDDEN =
  /\b\d{3}-\d{2}-\d{4}\b|\b[a-z]+\.[a-z0-9]+@[a-z]+\.example\b|\+1415555\d{4}|\bwx-[a-z]+-\d\d\b|\b[3-6]\d{15}\b|\btok_cvv_\w+|\bDE\d{20}\b|\b[A-Z]{2}-[A-Z]{2}\d{6}-[A-Z]\b|\b\d{5,6}\.\d\d\b|\bACCT-[\w-]+|\b(?:PASSPORT|LICENCE)NO\w+|\bmrz\w+|\b19(?:5|6|7|8|9)\d-\d\d-\d\d\b/g

const shifted = (text: string, by = 3): string =>
  text.replace(/[0-9]|[a-z]/g, letter =>
    /[0-9]/.test(letter)
      ? String((Number(letter) + by) % 10)
      : String.fromCharCode(97 + ((letter.charCodeAt(0) - 97 + by) % 26)),
  )

const twinOf = (schema: string): string =>
  schema
    .split('\n')
    // Revenue of a day is no salary.
    .map(line => (line.startsWith('INSERT INTO analytics.daily') ? line : line.replace(HIDDEN, other)))
    .join('\n')

/** Another value that the mask of the value's column shows in the same way. */
function other(value: string): string {
  if (value.includes('@')) {
    const [local = '', domain = ''] = value.split('@')
    return `${local.slice(0, 1)}${shifted(local.slice(1))}@${domain}`
  }
  if (/^[3-6]\d{15}$/.test(value)) return `${value.slice(0, 6)}${shifted(value.slice(6, 12))}${value.slice(12)}`
  if (/^19\d\d-/.test(value)) return `19${90 - (Number(value.slice(2, 4)) % 30)}-${value.slice(5, 7)}-05`
  if (/^\d+\.\d\d$/.test(value)) return `${shifted(value.slice(0, -3)).replace(/^0/, '1')}${value.slice(-3)}`
  if (value.startsWith('+1415555')) return `+1415555${shifted(value.slice(8), 7)}`
  if (/^[A-Z]/.test(value)) return value.replace(/\d+/g, digits => shifted(digits))
  if (/^(wx-|tok_cvv_|mrz)/.test(value))
    return value.replace(/^(wx-|tok_cvv_|mrz)(.*)$/, (_, head, tail) => head + shifted(tail))
  return shifted(value)
}

const table = (
  sql: string,
  open: readonly string[],
  masked: Readonly<Record<string, string>>,
  isTable = true,
): TwinRelation => ({
  name: sql.replace(/^.*\./, ''),
  sql,
  isTable,
  columns: [
    ...open.map(name => ({ name, type: name === 'id' ? 'integer' : 'text', isMasked: false, isOrdered: true })),
    ...Object.entries(masked).map(([name, type]) => ({ name, type, isMasked: true, isOrdered: type !== 'json' })),
  ],
})

const RELATIONS: readonly TwinRelation[] = [
  table('public.customers', ['id', 'name', 'region'], {
    email: 'text',
    ssn: 'text',
    phone: 'text',
    dob: 'date',
    notes: 'jsonb',
    ssn_key: 'text',
  }),
  table('public.cards', ['id', 'customer_id', 'brand'], { pan: 'text', cvv: 'text' }),
  table('crm.contacts', ['id', 'label'], { info: 'crm.contact_info' }),
  table('hr.employees', ['id', 'full_name', 'dept'], { national_id: 'text', salary: 'numeric', bank_account: 'text' }),
  table('hr.people', ['id', 'full_name'], { national_id: 'text' }),
  table('billing.payments', ['id', 'amount'], { iban: 'text' }),
  table('kyc.documents', ['id', 'kind'], { scan: 'bytea', ocr_text: 'text', ocr_tsv: 'tsvector' }),
  table('public.v_customers', ['id', 'name'], { contact: 'text', tax_ref: 'text', tel: 'text' }, false),
  table('public.v_order_contact', ['status'], { ship_to: 'text' }, false),
  table('crm.v_labels', ['id'], { caption: 'text' }, false),
  table('crm.v_eu', ['id', 'name'], { gov: 'text' }, false),
  table('crm.v_everyone', ['id', 'who'], { ident: 'text' }, false),
  table('public.v_customer_doc', ['id'], { doc: 'jsonb' }, false),
  table('public.v_customer_row', ['id'], { rec: 'public.customers' }, false),
  table('analytics.mv_directory', ['id', 'name'], { gov_id: 'text', e: 'text' }, false),
]
