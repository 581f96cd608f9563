// A mutation: one counting rule, broken by replacing one piece of code in a file of src/core.
export interface Mutation {
  /** The rule that the mutation breaks. */
  readonly rule: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly from: string
  readonly to: string
}

/** By file of src/core: rule, from, to. */
export type ByFile = Readonly<Record<string, readonly (readonly [rule: string, from: string, to: string])[]>>
