// Full-screen terminal output: redraws in place, reads keys, and restores the terminal at the end.
import type { ReadStream, WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'

const ALTERNATE = '\x1b[?1049h'
const HIDE_CURSOR = '\x1b[?25l'
const NO_WRAP = '\x1b[?7l'
const RESTORE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
/** Terminals that support synchronized output show a whole frame at once; the others ignore these sequences. */
const BEGIN_FRAME = '\x1b[?2026h\x1b[H'
const END_FRAME = '\x1b[?2026l'
const REST_OF_LINE = '\x1b[K'

const MIN_DRAW_INTERVAL_MS = 50
const MAX_DRAW_INTERVAL_MS = 500
const CTRL_C = '\x03'
const CTRL_D = '\x04'

export interface Screen extends Disposable {
  /** Schedules a redraw; several calls in short order cause one. */
  changed(): void
}

/** `linesOf` is called for each redraw; `quit` is called for q, Ctrl-C and Ctrl-D. */
export function openScreen(
  out: WriteStream,
  keys: ReadStream,
  linesOf: (columns: number, rows: number) => readonly string[],
  quit: () => void,
): Screen {
  let scheduled: NodeJS.Timeout | null = null
  const draw = () => {
    scheduled = null
    const columns = out.columns || 80 // a pty without a size reports 0
    const rows = out.rows || 24
    const lines = linesOf(columns, rows)
    const filled = [...lines, ...Array<string>(Math.max(rows - lines.length, 0)).fill('')].slice(0, rows)
    // No newline after the last line: the screen would scroll.
    out.write(`${BEGIN_FRAME}${filled.map((line) => clearedTo(line, columns)).join('\r\n')}${END_FRAME}`)
  }
  const changed = () => {
    scheduled ??= setTimeout(draw, MIN_DRAW_INTERVAL_MS)
  }
  const onKey = (typed: Buffer) => {
    if (/[qQ]/.test(typed.toString()) || [CTRL_C, CTRL_D].some((key) => typed.includes(key))) quit()
  }
  const restore = () => out.write(RESTORE)

  out.write(ALTERNATE + HIDE_CURSOR + NO_WRAP)
  process.once('exit', restore)
  out.on('resize', changed)
  if (keys.isTTY) keys.setRawMode(true).on('data', onKey)
  const interval = setInterval(changed, MAX_DRAW_INTERVAL_MS)
  draw()
  return {
    changed,
    [Symbol.dispose]() {
      clearInterval(interval)
      if (scheduled !== null) clearTimeout(scheduled)
      out.off('resize', changed)
      if (keys.isTTY) keys.setRawMode(false).off('data', onKey).pause()
      process.off('exit', restore)
      restore()
    },
  }
}

/** Without wrapping, the cursor stays in the last column, and clearing the rest of a full line would erase its last character. */
function clearedTo(line: string, columns: number): string {
  return stripVTControlCharacters(line).length < columns ? line + REST_OF_LINE : line
}
