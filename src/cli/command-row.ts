// The type of a row in the table of commands.
export interface CommandRow {
  /** The operands, as in the usage line. */
  readonly operands: string
  readonly minOperands: number
  readonly maxOperands: number
  readonly summary: string
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
  return { operands, minOperands, maxOperands, summary, text: [], examples: [], ...rest }
}
