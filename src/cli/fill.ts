// Breaks a text into lines of a width, between words.

/** `prefix` goes before every line and counts. A word that is longer than a line stays whole. */
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
