// SHA256SUMS of everything that was packed, and its signature.
import { createPrivateKey, sign } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../executable/run.mjs'

/** The release's private key from a PEM file. Throws where it is no Ed25519 key. */
export function signingKey(path) {
  const key = createPrivateKey(readFileSync(path))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`--sign ${path}: ${key.asymmetricKeyType}, not ed25519`)
  return key
}

/** Writes `SHA256SUMS` of a version's files, and with a key `SHA256SUMS.sig`; without one there is none, not an old one. */
export function writeSums(directory, version, key) {
  const isPacked = (name) => /^(meta-)?gatewatch[-_].*\.(tar\.xz|deb|cdx\.json)$/.test(name) && name.includes(version)
  const names = readdirSync(directory).filter(isPacked)
  const sums = names.sort().map((name) => `${digestOf(join(directory, name))}  ${name}\n`)
  writeFileSync(join(directory, 'SHA256SUMS'), sums.join(''))
  const signature = join(directory, 'SHA256SUMS.sig')
  if (key === null) rmSync(signature, { force: true })
  else writeFileSync(signature, sign(null, Buffer.from(sums.join('')), key))
}
