// Computes the configuration after a reload: new values of keys that apply now, old values of keys that need a restart.
import { type Config, KEY_NAMES, type Key, rowOf, valueAt } from './keys.ts'
import { nest } from './merge.ts'

export interface AfterReload {
  readonly config: Config
  /** Keys that need a restart and whose value differs from the one in effect, in the order of the table. */
  readonly waiting: readonly Key[]
}

/**
 * `started` is the configuration that the agent started with, not the file before this one: a value that was changed
 * and changed back is in effect again, and one that was changed twice still waits.
 */
export function afterReload(started: Config, next: Config): AfterReload {
  const waiting = KEY_NAMES.filter(
    (key) => rowOf(key).applies === 'restart' && !isSame(valueAt(started, key), valueAt(next, key)),
  )
  const config = nest(new Map(KEY_NAMES.map((key) => [key, valueAt(waiting.includes(key) ? started : next, key)])))
  return { config, waiting }
}

/** Values of the configuration are plain JSON. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
