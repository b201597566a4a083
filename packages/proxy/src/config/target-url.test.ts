import { describe, expect, test } from 'vitest'
import { readTargetUrl } from './target-url.ts'

const FORM = 'expected postgres://user@host:port/database'

describe('a target', () => {
  test.each([
    ['postgres://svc@127.0.0.1:6000/app', '127.0.0.1', 6_000, 'svc', 'app'],
    ['postgresql://svc@db.example.com/app', 'db.example.com', 5_432, 'svc', 'app'],
    ['postgres://svc@[::1]:5433/app', '::1', 5_433, 'svc', 'app'],
    ['postgres://a%40b@h/my%2Fdb', 'h', 5_432, 'a@b', 'my/db'],
  ])('%s', (url, host, port, user, database) => {
    expect(readTargetUrl(url)).toMatchObject({ kind: 'valid', address: { host, port }, user, database })
  })
})

describe('TLS to a target is checked or is not there at all', () => {
  test.each([
    ['postgres://u@127.0.0.1/d', { mode: 'off' }],
    ['postgres://u@localhost/d', { mode: 'off' }],
    ['postgres://u@[::1]/d', { mode: 'off' }],
    ['postgres://u@db.example.com/d', { mode: 'verify-full', ca: null }],
    ['postgres://u@10.0.0.5/d', { mode: 'verify-full', ca: null }],
    ['postgres://u@127.example.com/d', { mode: 'verify-full', ca: null }],
    ['postgres://u@db.example.com/d?sslmode=disable', { mode: 'off' }],
    ['postgres://u@127.0.0.1/d?sslmode=verify-full&sslrootcert=ca.crt', { mode: 'verify-full', ca: 'ca.crt' }],
    ['postgres://u@db.example.com/d?sslrootcert=ca.crt', { mode: 'verify-full', ca: 'ca.crt' }],
  ])('%s', (url, tls) => {
    expect(readTargetUrl(url)).toMatchObject({ kind: 'valid', tls })
  })

  test.each(['allow', 'prefer', 'require', 'verify-ca', ''])('sslmode=%s looks like TLS and checks nothing', mode => {
    expect(readTargetUrl(`postgres://u@h/d?sslmode=${mode}`)).toEqual({
      kind: 'invalid',
      message: 'has an sslmode other than disable and verify-full',
    })
  })
})

describe('what can’t be a target', () => {
  test.each([
    ['', FORM],
    ['app', FORM],
    ['mysql://u@h/d', FORM],
    ['postgres://h/d', FORM],
    ['postgres://u@/d', FORM],
    ['postgres://u@h', FORM],
    ['postgres://u@h/', FORM],
    ['postgres://u@h/a/b', FORM],
    ['postgres://u@h:99999/d', FORM],
    ['postgres://u@h/d#x', FORM],
    ['postgres://%zz@h/d', FORM],
    ['postgres://u@h/%zz', FORM],
    ['postgres://u:hunter2@h/d', 'holds a password, expected it by reference: password: { env: NAME }'],
    ['postgres://u:p#w@h/d', FORM],
    ['postgres://u@h/d?password=hunter2', 'has a parameter other than sslmode and sslrootcert'],
    ['postgres://u@h/d?sslmode=verify-full&sslmode=disable', 'has a parameter twice'],
    [
      'postgres://u@h/d?sslmode=disable&sslrootcert=a',
      'has an sslrootcert, which only sslmode=verify-full checks against',
    ],
  ])('%s', (url, message) => {
    expect(readTargetUrl(url)).toEqual({ kind: 'invalid', message })
  })
})
