// A command line or an environment that is wrong; the message has one line for each problem.
export class UsageError extends Error {}
