// The type of a row in the table of commands.
export interface CommandRow {
  /** The operands, as in the usage line. */
  readonly operands: string
  readonly least: number
  readonly most: number
  readonly summary: string
  /** Paragraphs for the help. */
  readonly text: readonly string[]
  readonly examples: readonly (readonly [command: string, what: string])[]
}

export function command(
  operands: string,
  least: number,
  most: number,
  summary: string,
  rest: Partial<CommandRow> = {},
): CommandRow {
  return { operands, least, most, summary, text: [], examples: [], ...rest }
}
