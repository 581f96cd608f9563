// Waits for a condition instead of for a time; a failure names what was waited for and what was seen last.
import { inspect } from 'node:util'

export interface UntilOptions<T> {
  /** What is waited for, as it reads after "waited 10000 ms for ...". */
  readonly what: string
  /** When a value is good; truthy unless told. */
  readonly is?: (value: T) => boolean
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/** Resolves with the first good value. A `read` that throws counts as "not yet". */
export async function until<T>(read: () => T | Promise<T>, options: UntilOptions<T>): Promise<T> {
  const { what, is = Boolean, timeoutMs = 10_000, everyMs = 25 } = options
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
      throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${last}`, cause === undefined ? {} : { cause })
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
