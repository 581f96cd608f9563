// Shows on a terminal what a command is waiting for, once it takes longer than a second.
import type { Clock } from '../ports.ts'

export interface Progress {
  begin(what: string): void
  end(): void
}

const SHOW_AFTER_MS = 1000

/** `write` is null without a terminal. `end` removes the line. */
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
        undo = clock.after(SHOW_AFTER_MS, tick)
      }
      undo = clock.after(SHOW_AFTER_MS, tick)
    },
    end() {
      undo()
      if (shown) write?.('\r\x1b[K') // ECMA-48 EL: erase to the end of the line
      shown = false
    },
  }
}
