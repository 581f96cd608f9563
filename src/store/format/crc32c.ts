// CRC-32C (Castagnoli), the checksum of every page: RFC 3720, appendix B.4.
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  return c >>> 0
})

/** CRC-32C of `bytes`; `seed` is the value for the bytes before, so that parts can be summed one by one. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  for (let i = 0; i < bytes.length; i++) crc = (TABLE[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** As many zero bytes as one step of `afterZeros` takes. */
const ZEROS = 64
/** By byte of the sum, lowest first, what `ZEROS` zero bytes make of it: CRC is linear, so four look-ups do it. */
let overZeros: Uint32Array | null = null

/** The sum of bytes whose CRC-32C is `crc`, and `count` zeros after them: a page is mostly zeros. */
export function afterZeros(crc: number, count: number): number {
  overZeros ??= tableOverZeros()
  const table = overZeros
  const at = (i: number) => table[i] as number
  let c = ~crc
  let left = count
  for (; left >= ZEROS; left -= ZEROS) {
    c = at(c & 255) ^ at(256 + ((c >>> 8) & 255)) ^ at(512 + ((c >>> 16) & 255)) ^ at(768 + (c >>> 24))
  }
  return crc32c(new Uint8Array(left), ~c)
}

function tableOverZeros(): Uint32Array {
  const table = new Uint32Array(1024)
  for (let bit = 0; bit < 32; bit++) {
    let c = (1 << bit) >>> 0
    for (let i = 0; i < ZEROS; i++) c = (TABLE[c & 255] as number) ^ (c >>> 8)
    const first = (bit >> 3) * 256 + (1 << (bit & 7))
    for (let i = 0; i < 1 << (bit & 7); i++) table[first + i] = c ^ (table[(bit >> 3) * 256 + i] as number)
  }
  return table
}
