// Converts a thrown value, which in JavaScript need not be an Error, to text.

/** The message, for a log line or a response. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The message with its stack, for errors that mean a bug in gatewatch. */
export function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
