// The whole terminal as one picture: redrawn in place, keys read, and everything put back at the end.
import type { ReadStream, WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'

const ALTERNATE = '\x1b[?1049h'
const HIDE_CURSOR = '\x1b[?25l'
const NO_WRAP = '\x1b[?7l'
const RESTORE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
/** Terminals that know synchronized output show all of a frame at once; the others ignore it. */
const BEGIN_FRAME = '\x1b[?2026h\x1b[H'
const END_FRAME = '\x1b[?2026l'
const REST_OF_LINE = '\x1b[K'

const DRAW_AT_MOST_EVERY_MS = 50
const DRAW_AT_LEAST_EVERY_MS = 500
const CTRL_C = '\x03'
const CTRL_D = '\x04'

export interface Screen extends Disposable {
  /** Draws soon, however often it is called. */
  changed(): void
}

/** `picture` is asked for its lines again and again; `quit` is called for q, Ctrl-C and Ctrl-D. */
export function openScreen(
  out: WriteStream,
  keys: ReadStream,
  picture: (columns: number, rows: number) => readonly string[],
  quit: () => void,
): Screen {
  let soon: NodeJS.Timeout | null = null
  const draw = () => {
    soon = null
    const columns = out.columns || 80 // a pty without a size says 0
    const rows = out.rows || 24
    const lines = picture(columns, rows)
    const filled = [...lines, ...Array<string>(Math.max(rows - lines.length, 0)).fill('')].slice(0, rows)
    // No line end behind the last line: it would scroll.
    out.write(`${BEGIN_FRAME}${filled.map((line) => clearedTo(line, columns)).join('\r\n')}${END_FRAME}`)
  }
  const changed = () => {
    soon ??= setTimeout(draw, DRAW_AT_MOST_EVERY_MS)
  }
  const pressed = (typed: Buffer) => {
    if (/[qQ]/.test(typed.toString()) || [CTRL_C, CTRL_D].some((key) => typed.includes(key))) quit()
  }
  const restore = () => out.write(RESTORE)

  out.write(ALTERNATE + HIDE_CURSOR + NO_WRAP)
  process.once('exit', restore)
  out.on('resize', changed)
  if (keys.isTTY) keys.setRawMode(true).on('data', pressed)
  const always = setInterval(changed, DRAW_AT_LEAST_EVERY_MS)
  draw()
  return {
    changed,
    [Symbol.dispose]() {
      clearInterval(always)
      if (soon !== null) clearTimeout(soon)
      out.off('resize', changed)
      if (keys.isTTY) keys.setRawMode(false).off('data', pressed).pause()
      process.off('exit', restore)
      restore()
    },
  }
}

/** Without wrapping the cursor stays in the last column: clearing the rest of a full line would clear its last letter. */
function clearedTo(line: string, columns: number): string {
  return stripVTControlCharacters(line).length < columns ? line + REST_OF_LINE : line
}
