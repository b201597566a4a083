import { describe, expect, test } from 'vitest'
import { FrameError } from './frame-error.ts'
import { Reader } from './reader.ts'

const reader = (...bytes: number[]): Reader => new Reader(Uint8Array.from(bytes), 'Test')

describe('E3 no read goes past the end', () => {
  test.each([
    { read: 'byte', bytes: [] },
    { read: 'int16', bytes: [1] },
    { read: 'uint16', bytes: [1] },
    { read: 'int32', bytes: [1, 2, 3] },
    { read: 'uint32', bytes: [1, 2, 3] },
    { read: 'cstring', bytes: [65, 66] },
    { read: 'nullableBytes', bytes: [0, 0, 0, 2, 65] },
  ] as const)('$read of $bytes', ({ read, bytes }) => {
    expect(() => reader(...bytes)[read]()).toThrow(FrameError)
  })

  test('a string stops at the first NUL and reads on after it', () => {
    const it = reader(65, 0, 66, 0)
    expect([it.cstring(), it.cstring(), it.remaining]).toEqual(['A', 'B', 0])
    expect(() => it.cstring()).toThrow(FrameError)
  })

  test('only -1 is NULL', () => {
    expect(reader(255, 255, 255, 255).nullableBytes()).toBeNull()
    expect(reader(0, 0, 0, 0).nullableBytes()).toEqual(new Uint8Array(0))
    for (const length of [
      [255, 255, 255, 254],
      [128, 0, 0, 0],
      [127, 255, 255, 255],
    ]) {
      expect(() => reader(...length, 1, 2).nullableBytes()).toThrow(FrameError)
    }
  })

  test('a count that the rest cannot hold is refused before anything is read for it', () => {
    expect(reader(0, 0, 0, 0).count(1, 4)).toBe(1)
    expect(() => reader(0, 0, 0, 0).count(2, 4)).toThrow('counts 2 items in 4 bytes')
    expect(() => reader(0, 0, 0, 0).count(-1, 4)).toThrow(FrameError)
  })

  test('bytes left over are an error', () => {
    const it = reader(1, 2)
    it.byte()
    expect(() => it.end()).toThrow('`Test` has 1 bytes after its last field')
    it.byte()
    expect(() => it.end()).not.toThrow()
  })
})

describe('text is UTF-8 or an error', () => {
  test.each([
    { what: 'a stray continuation byte', bytes: [0x80] },
    { what: 'an overlong NUL', bytes: [0xc0, 0x80] },
    { what: 'an overlong quote', bytes: [0xc0, 0xa7] },
    { what: 'an encoded surrogate', bytes: [0xed, 0xa0, 0x80] },
    { what: 'a cut sequence', bytes: [0xe2, 0x82] },
    { what: 'beyond U+10FFFF', bytes: [0xf4, 0x90, 0x80, 0x80] },
  ])('$what', ({ bytes }) => {
    expect(() => reader(...bytes, 0).cstring()).toThrow(FrameError)
    expect(reader(...bytes, 0).lossyCstring()).toMatchObject({ lossy: true })
  })

  test('a byte order mark stays in the text', () => {
    expect(reader(0xef, 0xbb, 0xbf, 65, 0).cstring()).toBe('\ufeffA')
  })
})
