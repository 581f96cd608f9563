// `npm run trace -- FILE [--map MAP]`: shows a log of the agent with the stack traces decoded: files and lines of the sources in
// place of those of the bundle, whose names are shortened. FILE may be `-`. MAP is the source map of the release, published
// beside it (gatewatch-VERSION-linux-TARGET.map); by default that of dist/gatewatch.cjs. The sources are those of the revision
// that `gatewatch version` shows.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'

const { values, positionals } = parseArgs({
  options: { map: { type: 'string', default: 'dist/gatewatch.cjs.map' } },
  allowPositionals: true,
})
const [file] = positionals
if (file === undefined) {
  console.error('usage: npm run trace -- FILE|- [--map MAP]')
  process.exit(2)
}
const map = new TraceMap(readFileSync(values.map, 'utf8'))
const lines = readFileSync(file === '-' ? 0 : file, 'utf8').split('\n')
console.log(lines.map((line, i) => decoded(line, lines[i + 1])).join('\n'))

/** A line of a stack trace: the call and its position; any other line stays as it is. */
function decoded(line, nextLine = '') {
  const frame = frameOf(line)
  if (frame?.source == null) return line
  // The function that a frame is in has its full name where it is called: at the position of the next frame.
  const called = frameOf(nextLine)?.name ?? frame.called
  const position = `${frame.source}:${frame.line}:${frame.column + 1}`
  return `${frame.before}${called === undefined ? position : `${called} (${position})`}`
}

/** The position in the sources of a line `    at a (/usr/bin/gatewatch:12:34)`; null if it is not a frame of the agent. */
function frameOf(line) {
  const [, before, called, path, row, column] =
    /^(.*?\bat (?:async )?)(?:(.+) \()?([^\s()]+):(\d+):(\d+)\)?$/.exec(line) ?? []
  if (path === undefined || /^(node|gatewatch):/.test(path)) return null // Node.js itself, or a compressed pack
  return { before, called, ...originalPositionFor(map, { line: Number(row), column: Number(column) - 1 }) }
}
