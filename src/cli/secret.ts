// Passwords must reach neither a screen nor a log: values as they may be shown.
import { type Key, rowOf } from '../config/keys.ts'

/** The value with the password of a URL masked, where the key can hold one. */
export function masked(key: Key, value: unknown): unknown {
  if (!rowOf(key).secret || typeof value !== 'string') return value
  return value.replace(/^([^/]*\/\/[^/@]*:)[^@]*@/, '$1***@')
}
