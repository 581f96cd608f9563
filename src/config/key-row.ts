// The type of a row in the table of configuration keys.
import type { Paths } from './paths.ts'
import type { ValueType } from './value-types.ts'

export interface Flag {
  readonly long: `--${string}`
  readonly short?: `-${string}`
  /** Name of its value in the help; absent: the flag takes no value. */
  readonly value?: string
  /** Takes all words up to the next option and may be repeated. */
  readonly many?: true
  /** The value that a flag without a value sets. */
  readonly sets?: unknown
  /** Other keys that the flag sets as well. */
  readonly alsoSets?: Readonly<Record<string, unknown>>
  /** Help of the flag, if it differs from the help of the key. */
  readonly help?: string
}

interface KeyDescription {
  /** When a changed value takes effect after a reload (SIGHUP): at once, or after a restart of the agent. */
  readonly applies: 'now' | 'restart'
  readonly help: string
  /** Unit of a number. */
  readonly unit?: 'seconds' | 'bytes'
  /** Describes a default that is not a plain value. */
  readonly defaultText?: string
  readonly flags?: readonly Flag[]
  /** Names that other programs have for it, for the error about an unknown key. */
  readonly otherNames?: readonly string[]
  /** False: can be set on the command line and in the environment, but not in the file. */
  readonly inFile?: false
  /** A URL that can contain a password, which is never printed. */
  readonly secret?: true
}

export interface KeyRow<T> extends KeyDescription {
  readonly type: ValueType<T>
  readonly byDefault: T | ((paths: Paths) => T)
}

export function key<T>(
  type: ValueType<T>,
  byDefault: NoInfer<T> | ((paths: Paths) => NoInfer<T>),
  words: KeyDescription,
): KeyRow<T> {
  return { type, byDefault, ...words }
}
