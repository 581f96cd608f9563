// A command line that is wrong; the message is one line for stderr.
export class UsageError extends Error {}
