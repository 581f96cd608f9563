// CRC-32C (Castagnoli), the checksum of every page (RFC 3720, appendix B.4).
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  return c >>> 0
})

/** CRC-32C of `bytes`; `seed` is the CRC of the bytes before, so that parts can be added one by one. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  for (let i = 0; i < bytes.length; i++) crc = (TABLE[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Number of zero bytes that one step of `afterZeros` covers. */
const ZEROS = 64
/** For each byte of the CRC, lowest first, its value after `ZEROS` zero bytes: CRC is linear, so four look-ups suffice. */
let overZeros: Uint32Array | null = null

/** CRC-32C of bytes with the CRC `crc` followed by `count` zeros. Most of a page is zeros, so this saves CPU. */
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

/** CRC-32C of A and then B, from the CRC of each; `bytesOfB`: the length of B. */
export function joinedCrc(a: number, b: number, bytesOfB: number): number {
  return (afterZeros(a, bytesOfB) ^ afterZeros(0, bytesOfB) ^ b) >>> 0
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
