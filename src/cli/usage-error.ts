// A command line or an environment that is wrong.
export class UsageError extends Error {
  /** One line each. */
  readonly problems: readonly string[]

  constructor(...problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
