import { describe, expect, test } from 'vitest'
import { hintOfName } from './column-names.ts'

describe('names that say what is in a column', () => {
  test.each([
    ['ssn', 'high'],
    ['prior_ssns', 'high'],
    ['customerEmail2', 'high'],
    ['e-mail', 'high'],
    ['billing_address_line_1', 'medium'],
    ['cardNumber', 'high'],
    ['cvv', 'high'],
    ['IBAN', 'high'],
    ['home_phone_no', 'high'],
    ['date_of_birth', 'high'],
    ['Geburtsdatum', 'high'],
    ['correo_electrónico', 'high'],
    ['gross_salary', 'high'],
    ['client_secret', 'high'],
    ['reset_token', 'high'],
    ['full_name', 'low'],
    ['customer_notes', 'low'],
  ])('%s', (name, certainty) => {
    expect(hintOfName(name)?.certainty).toBe(certainty)
  })

  test.each([
    'id',
    'name',
    'email_sent_at',
    'email_verified',
    'card_brand',
    'card_last4',
    'last4',
    'address_id',
    'phone_type',
    'token_count',
    'password_changed_at',
    'salary_band',
    'status',
    'tracking_no',
    'description',
    'title',
    'price',
    'ssn_key',
    'company_name',
    'mailing_list',
    'panel',
    'shipment',
    'keyword',
    'birth_rate',
  ])('%s says nothing', name => {
    expect(hintOfName(name)).toBeNull()
  })
})
