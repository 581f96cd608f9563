// The text of whatever was thrown: JavaScript may throw any value.

/** The message, for a log line or a response. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The message with its stack, for a fault of our own that has to be found. */
export function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
