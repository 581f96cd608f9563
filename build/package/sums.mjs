// Writes SHA256SUMS of all packaged files, and the signature of such a file.
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../executable/run.mjs'

/** Reads the private key of the release from a PEM file; throws if it is not an Ed25519 key. */
export function signingKey(path) {
  const key = createPrivateKey(readFileSync(path))
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`--sign ${path}: the key must be of type ed25519, not ${key.asymmetricKeyType}`)
  return key
}

/** Writes `SHA256SUMS` of these files, and `SHA256SUMS.sig` if there is a key; else removes an old signature. */
export function writeSums(directory, names, key) {
  const sums = [...names].sort().map((name) => `${digestOf(join(directory, name))}  ${name}\n`)
  writeFileSync(join(directory, 'SHA256SUMS'), sums.join(''))
  if (key === null) rmSync(join(directory, 'SHA256SUMS.sig'), { force: true })
  else signSums(directory, key)
}

/** Writes `SHA256SUMS.sig` beside the `SHA256SUMS` of a directory. */
export function signSums(directory, key) {
  writeFileSync(join(directory, 'SHA256SUMS.sig'), sign(null, readFileSync(join(directory, 'SHA256SUMS')), key))
}
