// gatewatch(1) in roff, with the macros of man(7), from the same text as the help.
import { type Block, type Section, SUMMARY, wholeManual } from './manual.ts'

/**
 * The manual page. Hyphenation is off, so that names can be copied. `date` is the date of the release (YYYY-MM-DD), so
 * that the same sources give the same bytes.
 */
export function manualPage(version: string, date: string): string {
  const lines = [`.TH GATEWATCH 1 "${date}" "gatewatch ${version}" "User Commands"`, '.nh']
  for (const section of wholeManual()) lines.push(...sectionLines(section))
  return `${lines.join('\n')}\n`
}

function sectionLines({ title, blocks }: Section): string[] {
  // The format that whatis(1) and apropos(1) parse.
  if (title === 'NAME') return ['.SH NAME', `gatewatch \\- ${escaped(SUMMARY)}`]
  return [`.SH "${escaped(title)}"`, ...blocks.flatMap((block, i) => blockLines(block, i))]
}

function blockLines(block: Block, i: number): string[] {
  switch (block.kind) {
    case 'text':
      return i === 0 ? [escaped(block.text)] : ['.PP', escaped(block.text)]
    case 'usage':
      return i === 0 ? [`.B ${escaped(block.line)}`] : ['.br', `.B ${escaped(block.line)}`]
    case 'item':
      return ['.TP', `.B ${escaped(block.term)}`, escaped(block.text)]
  }
}

/** Escapes backslashes and hyphens, and a leading dot or apostrophe, which would start a macro. */
function escaped(text: string): string {
  const plain = text.replaceAll('\\', '\\e').replaceAll('-', '\\-')
  return /^[.']/.test(plain) ? `\\&${plain}` : plain
}
