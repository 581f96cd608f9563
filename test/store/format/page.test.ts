import { expect, test } from 'vitest'
import {
  bootKey,
  decodePage,
  encodePage,
  PAGE_BYTES,
  PAYLOAD_BYTES,
  type PageHeader,
} from '../../../src/store/format/page.ts'
import { BOOT } from '../sample.ts'

const HEADER: PageHeader = {
  kind: 'snapshot',
  part: 2,
  parts: 5,
  seq: 2 ** 40 + 7,
  base: 2 ** 33,
  boot: BOOT,
  wallMs: 1_752_000_000_123,
}

test('a page is decoded as it was encoded', () => {
  const payload = Buffer.from('payload')
  const page = encodePage(HEADER, payload)
  expect(page).toHaveLength(PAGE_BYTES)
  expect(decodePage(page)).toEqual({ ...HEADER, major: 1, minor: 1, payload })
  const full = Buffer.alloc(PAYLOAD_BYTES, 7)
  expect(decodePage(encodePage(HEADER, full))).toMatchObject({ payload: full })
})

test('the header of a page has the documented layout', () => {
  const page = encodePage(HEADER, Buffer.from('payload'))
  expect(page.toString('hex', 0, 64)).toBe(
    [
      ...['89475752494e470a', '01', '01', '01', '00', '0200', '0500', '0700000000010000', '0000000002000000'],
      ...['11111111222233334444555555555555', '00b00767b57e7942', '0700', '0000', page.toString('hex', 60, 64)],
    ].join(''),
  )
})

test('a page with any byte changed is damaged', () => {
  const good = encodePage(HEADER, Buffer.from('payload'))
  for (let at = 0; at < PAGE_BYTES; at++) {
    const page = Buffer.from(good)
    page[at] = (page[at] as number) ^ 0x10
    expect(decodePage(page)).toBe('damaged')
  }
})

test.each([
  ['commit number', { seq: 2 ** 48 + 1 }],
  ['number of the snapshot', { base: 2 ** 53 }],
  ['time', { wallMs: Number.NaN }],
  ['time', { wallMs: Number.NEGATIVE_INFINITY }],
])('a page with an impossible %s is damaged', (_, numbers) => {
  expect(decodePage(encodePage({ ...HEADER, ...numbers }, Buffer.alloc(0)))).toBe('damaged')
})

test('zeros are an empty page; anything else that is not a page is damaged', () => {
  expect(decodePage(new Uint8Array(PAGE_BYTES))).toBe('empty')
  expect(decodePage(new Uint8Array(PAGE_BYTES).fill(0xff))).toBe('damaged')
  expect(decodePage(new Uint8Array(100))).toBe('damaged')
})

test('a page of a newer major version is recognised with any payload', () => {
  const page = decodePage(encodePage(HEADER, Buffer.alloc(0), { major: 2, minor: 3 }))
  expect(page).toMatchObject({ major: 2, minor: 3 })
})

test('the key of a boot id is its 128 bits, with or without dashes; other text has a key too', () => {
  expect(bootKey('11111111-2222-3333-4444-555555555555')).toBe(BOOT)
  expect(bootKey(BOOT)).toBe(BOOT)
  expect(bootKey('test')).toMatch(/^[0-9a-f]{32}$/)
})
