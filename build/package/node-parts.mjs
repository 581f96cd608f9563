// What Node.js contains: the parts in its LICENSE, with their licences.

/** `- NAME, located at PLACE, is licensed as follows:` at the start of a line. */
const HEADING = /^- (.+), located at (\S+), is licensed as follows:\n/m

/** Node's LICENSE in parts: `own`, the licence of Node.js itself, and `parts`: `{ name, location, text }` of what it contains. */
export function licenceParts(licence) {
  const pieces = licence.replaceAll('\r', '').split(HEADING)
  const parts = []
  for (let at = 1; at < pieces.length; at += 3) {
    const [name, location, text] = pieces.slice(at, at + 3)
    parts.push({ name, location, text: plain(text) })
  }
  // The sentence in front of the list of parts does not belong to the licence.
  const own = pieces[0].replace(/\nThe externally maintained libraries used by Node\.js are:\s*$/, '')
  return { own: plain(own), parts }
}

/** Without the triple quotes around a licence, and without the indentation that all of its lines share. */
function plain(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '"""')
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^ */.exec(line)[0].length)
  const indent = Math.min(...indents)
  return lines
    .map((line) => line.slice(indent).trimEnd())
    .join('\n')
    .trim()
}
