// Formats text tables: columns as wide as their content, the widest ones shortened on a narrow terminal.
import type pc from 'picocolors'

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** The column may be shortened to this width; without it, it never is. */
  readonly minWidth?: number
}

export interface Cell {
  readonly text: string
  readonly paint?: (text: string) => string
}

/** One space between two columns of numbers, two elsewhere. */
function gap(heads: readonly Column[], i: number): number {
  if (i === 0) return 0
  return heads[i]?.align === 'right' && heads[i - 1]?.align === 'right' ? 1 : 2
}

/** Lines without line ends, the titles first. `columns` is null for unlimited width. */
export function table(heads: readonly Column[], rows: readonly (readonly Cell[])[], columns: number | null): string[] {
  const widths = heads.map((head, i) => Math.max(head.title.length, ...rows.map((row) => row[i]?.text.length ?? 0)))
  const gaps = heads.reduce((sum, _, i) => sum + gap(heads, i), 0)
  let excess = columns === null ? 0 : widths.reduce((a, b) => a + b, 0) + gaps - columns
  for (const [i, { minWidth }] of heads.entries()) {
    const width = widths[i] ?? 0
    if (minWidth === undefined || excess <= 0 || width <= minWidth) continue
    const cut = Math.min(excess, width - minWidth)
    widths[i] = width - cut
    excess -= cut
  }
  const line = (cells: readonly Cell[]) =>
    cells
      .map(({ text, paint = same }, i) => {
        const width = widths[i] ?? 0
        const fitted = cutMiddle(text, width)
        const pad = ' '.repeat(width - fitted.length)
        const before = ' '.repeat(gap(heads, i))
        return before + (heads[i]?.align === 'right' ? pad + paint(fitted) : paint(fitted) + pad)
      })
      .join('')
      .trimEnd()
  return [line(heads.map(({ title }) => ({ text: title }))), ...rows.map(line)]
}

const same = (text: string) => text

/** Shortens in the middle, because names differ at their ends. */
export function cutMiddle(text: string, width: number): string {
  if (text.length <= width) return text
  const head = Math.ceil((width - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`
}

export type Paint = ReturnType<typeof pc.createColors>

export function stateColor(state: string, paint: Paint): (text: string) => string {
  if (state === 'active') return paint.green
  if (state === 'failed') return paint.red
  return state === 'inactive' || state === 'unloaded' || state === 'unknown' ? paint.dim : paint.yellow
}

/** Wraps at spaces. `prefix` starts every line and counts towards `width`. A word longer than a line is not split. */
export function fill(text: string, width: number, prefix = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && prefix.length + line.length + 1 + word.length > width) {
      lines.push(prefix + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, prefix + line]
}
