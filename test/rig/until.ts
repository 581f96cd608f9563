// Waits for a condition rather than for a fixed time; on timeout, the error contains the condition and the last value.
import { inspect } from 'node:util'

export interface UntilOptions<T> {
  /** The condition, as it reads after "waited 30000 ms for ...". */
  readonly what: string
  /** Whether a value meets the condition; by default, whether it is truthy. */
  readonly is?: (value: T) => boolean
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/** Resolves with the first value that meets the condition. An error thrown by `read` counts as "not yet". */
export async function until<T>(read: () => T | Promise<T>, options: UntilOptions<T>): Promise<T> {
  const { what, is = Boolean, timeoutMs = 30_000, everyMs = 25 } = options
  const deadline = performance.now() + timeoutMs
  let last: string
  for (;;) {
    let cause: unknown
    try {
      const value = await read()
      if (is(value)) return value
      last = inspect(value, { depth: 4, breakLength: 120, maxStringLength: 2000 })
    } catch (error) {
      cause = error
      last = `an error: ${error instanceof Error ? error.message : inspect(error)}`
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${what}; last value: ${last}`, cause === undefined ? {} : { cause })
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
