// The type of a row in the table of commands.
import type { Key } from '../config/keys.ts'

export interface CommandRow {
  /** The operands, as in the usage line. */
  readonly operands: string
  readonly minOperands: number
  readonly maxOperands: number
  readonly summary: string
  /** The keys whose options the command accepts: those that it uses. */
  readonly keys: readonly Key[]
  /** What an option of a key does here, where that differs from the help of the key. */
  readonly optionHelp: Partial<Readonly<Record<Key, string>>>
  /** Paragraphs for the help. */
  readonly text: readonly string[]
  readonly examples: readonly (readonly [command: string, what: string])[]
}

export function command(
  operands: string,
  minOperands: number,
  maxOperands: number,
  summary: string,
  rest: Partial<CommandRow> = {},
): CommandRow {
  return { operands, minOperands, maxOperands, summary, keys: [], optionHelp: {}, text: [], examples: [], ...rest }
}
