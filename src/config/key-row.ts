// What a row of the table of configuration keys is made of.
import type { Paths } from './paths.ts'
import type { ValueType } from './value-types.ts'

export interface Flag {
  readonly long: `--${string}`
  readonly short?: `-${string}`
  /** Name of its value in the help; a flag without one takes none. */
  readonly value?: string
  /** Takes all words up to the next option, and may be repeated. */
  readonly many?: true
  /** What the flag sets where it takes no value. */
  readonly sets?: unknown
  /** Other keys that it sets besides. */
  readonly also?: Readonly<Record<string, unknown>>
  /** Help of its own, where it says something else than its key. */
  readonly help?: string
}

interface KeyDescription {
  /** When a changed value takes effect after SIGHUP: at once, or with the next start of the agent. */
  readonly applies: 'now' | 'restart'
  readonly help: string
  /** Of a number. */
  readonly unit?: 'seconds' | 'bytes'
  /** The default in words, where it is not a plain value. */
  readonly defaultText?: string
  readonly flags?: readonly Flag[]
  /** False: an option of the command line and the environment only. */
  readonly inFile?: false
  readonly secret?: true
}

export interface KeyRow<T> extends KeyDescription {
  readonly type: ValueType<T>
  readonly byDefault: T | ((home: Paths) => T)
}

export function key<T>(
  type: ValueType<T>,
  byDefault: NoInfer<T> | ((home: Paths) => NoInfer<T>),
  words: KeyDescription,
): KeyRow<T> {
  return { type, byDefault, ...words }
}
