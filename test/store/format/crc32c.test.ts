import { expect, test } from 'vitest'
import { afterZeros, crc32c, joinedCrc } from '../../../src/store/format/crc32c.ts'

const scsiRead = Buffer.from(
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000000000000000',
  'hex',
).subarray(0, 48)

test.each([
  ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes of incrementing 00..1f', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 bytes of decrementing 1f..00', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['an iSCSI SCSI Read (10) command PDU', scsiRead, 0xd9963a56],
  ['the digits', Buffer.from('123456789'), 0xe3069283],
])('RFC 3720 B.4: %s', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc)
})

test('the CRC of the parts in sequence is the CRC of all bytes', () => {
  expect(crc32c(scsiRead.subarray(7), crc32c(scsiRead.subarray(0, 7)))).toBe(0xd9963a56)
})

test.each([0, 1, 63, 64, 65, 4000])('%d trailing zeros are added without processing them one by one', (count) => {
  expect(afterZeros(crc32c(scsiRead), count)).toBe(crc32c(Buffer.concat([scsiRead, Buffer.alloc(count)])))
})

test.each([0, 1, 20, 48])(
  'the CRC of two parts is joined from the CRC of each, with %d bytes in the second',
  (bytes) => {
    const [a, b] = [scsiRead.subarray(0, 48 - bytes), scsiRead.subarray(48 - bytes)]
    expect(joinedCrc(crc32c(a), crc32c(b), bytes)).toBe(0xd9963a56)
  },
)
