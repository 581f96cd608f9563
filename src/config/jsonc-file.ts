// Parses a configuration file (JSON with comments) into a layer of values, each with its line and column.
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { didYouMean } from './did-you-mean.ts'
import { isKey, KEY_NAMES, type Key, OBSOLETE_KEYS, OTHER_NAMES, rowOf, variableOf } from './keys.ts'
import { FOR_DEFAULTS, type Layer, type Problem, problemOf, type SourcedValue, splitPort } from './layer.ts'
import { NESTED_TOO_DEEPLY, nestedTooDeeplyAt } from './nesting.ts'
import { withoutPassword } from './without-password.ts'

/** `name` is the name of the file in error messages. A leading byte order mark is ignored. */
export function fileLayer(text: string, name: string): Layer {
  const entries = new Map<Key, SourcedValue>()
  const problems: Problem[] = []
  const notes: string[] = []
  const body = text.replace(/^\uFEFF/, '')
  const position = createPositions(body)
  const at = (offset: number) => `${name}:${position(offset)}`
  const layer = { origin: 'file' as const, entries, problems, notes }
  const deepAt = nestedTooDeeplyAt(body)
  if (deepAt !== null) {
    problems.push(problemOf(at(deepAt), '', undefined, `not JSON: ${NESTED_TOO_DEEPLY}`, { fatal: true }))
    return layer
  }
  const errors: ParseError[] = []
  const root = parseTree(body, errors, { allowTrailingComma: true })
  const [first] = errors
  if (/^[\s\0]*$/.test(body)) {
    const what = body.includes('\0') ? 'contains only zero bytes, as after a power loss' : 'is empty'
    problems.push(problemOf(name, '', undefined, `the file ${what}; ${FOR_DEFAULTS}`, { fatal: true }))
    return layer
  }
  if (first) {
    problems.push(problemOf(at(first.offset), '', undefined, syntaxMessage(first, body), { fatal: true }))
    return layer
  }
  if (root?.type !== 'object') {
    problems.push(
      problemOf(at(root?.offset ?? 0), '', undefined, 'expected an object: { "key": value, ... }', { fatal: true }),
    )
    return layer
  }
  const seen = new Set<string>()
  const walk = (object: Node, above: string) => {
    for (const property of object.children ?? []) {
      const [label, value] = property.children ?? []
      if (!label || !value) continue
      const path = `${above}${label.value}`
      const shown = withoutPassword(path)
      const place = `${at(label.offset)}: ${shown}`
      if (seen.has(path)) problems.push(problemOf(place, path, undefined, 'duplicate key'))
      seen.add(path)
      if (isKey(path) && !String(label.value).includes('.') && rowOf(path).inFile !== false)
        entries.set(path, entryOf(value, path, at))
      else if (KEY_NAMES.some((key) => key.startsWith(`${path}.`))) {
        if (value.type === 'object') walk(value, `${path}.`)
        else problems.push(problemOf(`${at(value.offset)}: ${path}`, path, plain(value), 'is not an object: { ... }'))
      } else if (Object.hasOwn(OBSOLETE_KEYS, path)) notes.push(`${place} ${OBSOLETE_KEYS[path]?.note}`)
      else problems.push(problemOf(place, shown, undefined, unknownMessage(path)))
    }
  }
  walk(root, '')
  splitPort(entries)
  return layer
}

function entryOf(node: Node, path: string, at: (offset: number) => string): SourcedValue {
  const elements = node.type === 'array' ? (node.children ?? []) : []
  return {
    value: plain(node),
    source: at(node.offset),
    place: `${at(node.offset)}: ${path}`,
    elementPlace: (index) => `${at((elements[index] ?? node).offset)}: ${path}[${index}]`,
  }
}

/** The value of a node, as JSON.parse would return it. */
function plain(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(plain)
  if (node.type !== 'object') return node.value
  return Object.fromEntries((node.children ?? []).map(({ children: [k, v] = [] }) => [k?.value, v && plain(v)]))
}

function unknownMessage(path: string): string {
  const known = KEY_NAMES.filter((key) => rowOf(key).inFile !== false)
  const [head, rest] = path.split('.')
  if (isKey(path) && rest) return `must be nested: "${head}": { "${rest}": ... }`
  if (isKey(path)) return `cannot be set in the file; use --${path} or ${variableOf(path)}`
  return `unknown key${didYouMean(path, known, OTHER_NAMES)}`
}

/**
 * Returns a function from an offset to `line:column`, both counted from 1, columns in characters. It continues at the last
 * position, so that a file with a problem in each line does not take quadratic time.
 */
function createPositions(text: string): (offset: number) => string {
  let [at, line, column] = [0, 1, 1]
  return (offset) => {
    if (offset < at) [at, line, column] = [0, 1, 1]
    for (const character of text.slice(at, offset)) {
      column = character === '\n' ? 1 : column + 1
      if (character === '\n') line += 1
    }
    at = offset
    return `${line}:${column}`
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  PropertyNameExpected: 'a key in double quotes',
  ColonExpected: '":" after the key',
  CommaExpected: '"," between two entries',
  CloseBraceExpected: '"," or "}"',
  CloseBracketExpected: '"," or "]"',
  ValueExpected: 'a value (text in double quotes, a number, true, false, null, [...] or {...})',
  InvalidSymbol: 'a value (text in double quotes, a number, true, false, null, [...] or {...})',
  EndOfFileExpected: 'the end of the file after the last "}"',
  UnexpectedEndOfString: 'a closing double quote on the same line',
  UnexpectedEndOfComment: '"*/" at the end of the comment',
  UnexpectedEndOfNumber: 'a whole number',
  InvalidNumberFormat: 'a number',
  InvalidEscapeCharacter: 'a valid JSON escape (\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)',
  InvalidUnicode: 'four hex digits after \\u',
  InvalidCharacter: 'text without control characters',
}

/** Shows the text that was found, except on a line that may contain a URL with a password. */
function syntaxMessage({ error, offset, length }: ParseError, text: string): string {
  const name = printParseErrorCode(error)
  const isLabel = name === 'InvalidSymbol' && /^\s*:/.test(text.slice(offset + length))
  const expected = EXPECTED[isLabel ? 'PropertyNameExpected' : name] ?? 'JSON'
  if (offset >= text.trimEnd().length) return `not JSON: expected ${expected}, but the file ends`
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n')[0] ?? ''
  if (/@|:\/\//.test(line)) return `not JSON: expected ${expected}`
  const found = text.slice(offset, offset + Math.max(1, length)).split('\n')[0] ?? ''
  return `not JSON: expected ${expected}, found ${found === '' ? 'the end of the line' : found.slice(0, 40)}`
}
