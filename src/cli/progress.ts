// Says on a terminal what is being waited for, once it takes long; elsewhere nothing.
import type { Clock } from '../ports.ts'

export interface Progress {
  begin(what: string): void
  end(): void
}

const LONG_MS = 1000

/** `write` null: no terminal. The line is taken away in the end. */
export function progressOn(write: ((text: string) => void) | null, clock: Clock): Progress {
  let undo = () => {}
  let shown = false
  return {
    begin(what) {
      if (write === null) return
      const startedMs = clock.now().monoMs
      const tick = () => {
        const seconds = Math.round((clock.now().monoMs - startedMs) / 1000)
        write(`\r${what} ... ${seconds} s`)
        shown = true
        undo = clock.after(LONG_MS, tick)
      }
      undo = clock.after(LONG_MS, tick)
    },
    end() {
      undo()
      if (shown) write?.('\r\x1b[K') // ECMA-48 EL: the line is empty again
      shown = false
    },
  }
}
