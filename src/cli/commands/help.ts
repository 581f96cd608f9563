// gatewatch help: the sections of the manual as text for a terminal.
import pc from 'picocolors'
import type { LoadedConfig } from '../../config/load.ts'
import { type Command, isCommand } from '../command-table.ts'
import type { Console, ExitCode } from '../console.ts'
import { type Block, commandPage, overview, type Section } from '../manual.ts'
import { fill } from '../table.ts'

/** Longer lines are hard to read even on a wide terminal. */
const MAX_WIDTH = 100
const INDENT = '  '

/** `watched`: the configuration, of which the overview shows the watched units; null for none. */
export function help(topic: string | undefined, watched: LoadedConfig | null, out: Console): ExitCode {
  const page = topic !== undefined && isCommand(topic) ? commandPage(topic) : overview(watched)
  out.stdout(`${helpLines(page, Math.min(out.columns || 80, MAX_WIDTH), out.color).join('\n')}\n`)
  return 0
}

/** The last line after a usage error of a command, or of gatewatch itself (null). */
export function seeHelp(topic: Command | null): string {
  return `see: gatewatch help${topic === null ? '' : ` ${topic}`}\n`
}

function helpLines(page: readonly Section[], width: number, color: boolean): string[] {
  const paint = pc.createColors(color)
  const lines: string[] = []
  for (const { title, blocks } of page) {
    const terms = blocks.map((block) => (block.kind === 'item' ? block.term.length : 0))
    const column = Math.min(Math.max(...terms), 26) + INDENT.length * 2
    lines.push(paint.bold(title))
    for (const [i, block] of blocks.entries()) {
      if (block.kind === 'text' && i > 0) lines.push('')
      lines.push(...blockLines(block, width, column, paint.bold))
    }
    lines.push('')
  }
  lines.pop()
  return lines
}

function blockLines(block: Block, width: number, column: number, bold: (text: string) => string): string[] {
  switch (block.kind) {
    case 'text':
      return fill(block.text, width, INDENT)
    case 'usage':
      return [INDENT + block.line]
    case 'item': {
      const description = fill(block.text, width, ' '.repeat(column))
      const term = INDENT + bold(block.term)
      const length = INDENT.length + block.term.length
      if (length + INDENT.length > column) return [term, ...description]
      return [term + ' '.repeat(column - length) + (description[0] ?? '').slice(column), ...description.slice(1)]
    }
  }
}
