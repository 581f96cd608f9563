// One counting rule broken: a sentence, a file of src/core, and the words that are put in place of others there.
export interface Mutation {
  /** The rule that is broken. */
  readonly rule: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly from: string
  readonly to: string
}

/** By file of src/core: rule, from, to. */
export type ByFile = Readonly<Record<string, readonly (readonly [rule: string, from: string, to: string])[]>>
