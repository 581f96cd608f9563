// A typed view of a YAML file: reads fields by name, and reports each fault with its line and column. Pure.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { MESSAGE_CHARACTERS_AT_MOST, oneLine } from '../../core/views/format.ts'
import { NESTING_AT_MOST, nestedTooDeeplyAt } from './yaml-nesting.ts'

/** A fault in a file, with its position: `web.yml:3:5: unknown field ...`. */
export class ConfigFileError extends Error {}

/** A value in the file; `error` builds an error with its position. */
interface YamlValue {
  readonly node: Node | null
  error(what: string): ConfigFileError
}

export interface YamlFields extends YamlValue {
  /** A scalar as written in the file; null if it is absent or empty. */
  text(name: string): string | null
  bool(name: string): boolean | null
  list(name: string): readonly string[]
  /** A mapping with these fields and no others; absent or empty: one without fields. */
  map(name: string, fields: readonly string[]): YamlFields
  /** A mapping with any keys and scalar values. */
  texts(name: string): ReadonlyMap<string, string>
  has(name: string): boolean
  at(name: string): YamlValue
}

/** The message quotes the file. */
function errorOf(message: string): ConfigFileError {
  return new ConfigFileError(oneLine(message, MESSAGE_CHARACTERS_AT_MOST))
}

export function readFields(text: string, file: string, fields: readonly string[]): YamlFields {
  const lines = new LineCounter()
  const deep = nestedTooDeeplyAt(text)
  if (deep !== null) throw errorOf(`${file}:${deep.line}:${deep.col}: nested more than ${NESTING_AT_MOST} levels deep`)
  // Only the first error is shown; to prettify each of thousands would take a second.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const positionOf = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const [error] = document.errors
  if (error) throw errorOf(`${positionOf(error.pos[0])}: ${error.message}`)

  const valueAt = (node: Node | null): YamlValue => ({
    node,
    error: (what) => errorOf(`${node?.range ? positionOf(node.range[0]) : file}: ${what}`),
  })
  const resolved = (value: unknown): Node | null => {
    const node = isAlias(value) ? value.resolve(document) : (value as Node | null)
    return node ?? null
  }
  const isEmpty = (node: Node | null) => node === null || (isScalar(node) && node.value === null)
  const scalar = (node: Node | null, what: string): string => {
    if (isEmpty(node)) return ''
    if (!isScalar(node)) throw valueAt(node).error(`${what} must be a string`)
    return node.source ?? String(node.value)
  }

  const mapping = (node: Node | null, what: string): readonly Pair[] => {
    if (isEmpty(node)) return []
    if (!isMap(node)) throw valueAt(node).error(`${what} must be a mapping`)
    return node.items
  }

  const fieldsOf = (node: Node | null, what: string, known: readonly string[]): YamlFields => {
    const values = new Map<string, Node | null>()
    for (const { key, value } of mapping(node, what)) {
      const name = scalar(key as Node, 'a key')
      if (!known.includes(name)) {
        const message = `unknown field ${JSON.stringify(name)} in ${what} (known: ${known.join(', ')})`
        throw valueAt(key as Node).error(message)
      }
      values.set(name, resolved(value))
    }
    const get = (name: string) => values.get(name) ?? null
    return {
      ...valueAt(node),
      has: (name) => !isEmpty(get(name)),
      at: (name) => valueAt(get(name) ?? node),
      text: (name) => scalar(get(name), name) || null,
      bool(name) {
        const written = scalar(get(name), name).toLowerCase()
        if (written === '') return null
        if (/^(true|yes|on)$/.test(written)) return true
        if (/^(false|no|off)$/.test(written)) return false
        throw valueAt(get(name)).error(`${name} must be true or false, not ${JSON.stringify(written)}`)
      },
      list(name) {
        const list = get(name)
        if (isEmpty(list)) return []
        if (!isSeq(list)) throw valueAt(list).error(`${name} must be a list`)
        return list.items.map((item) => scalar(resolved(item), `an entry of ${name}`))
      },
      map: (name, names) => fieldsOf(get(name), name, names),
      texts(name) {
        const pairs = mapping(get(name), name)
        return new Map(pairs.map(({ key, value }) => [scalar(key as Node, 'a key'), scalar(resolved(value), name)]))
      },
    }
  }
  return fieldsOf(document.contents as Node | null, 'the file', fields)
}
