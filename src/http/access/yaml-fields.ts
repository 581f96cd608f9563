// Reads YAML by a table of fields: what is there of each, and the place of whatever should not be. Pure.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'

/** What is wrong with a file, and where: `web.yml:3:5: unknown field ...`. */
export class FileProblem extends Error {}

/** A value with the means to complain of it. */
export interface At {
  readonly node: Node | null
  wrong(what: string): FileProblem
}

export interface Fields extends At {
  /** A scalar as it is written; null where it is absent or empty. */
  text(name: string): string | null
  bool(name: string): boolean | null
  list(name: string): readonly string[]
  /** A mapping with these fields and no others; absent or empty is one without any. */
  map(name: string, fields: readonly string[]): Fields
  /** A mapping with any keys, each with its text. */
  texts(name: string): ReadonlyMap<string, string>
  has(name: string): boolean
  at(name: string): At
}

export function readFields(text: string, file: string, fields: readonly string[]): Fields {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const [error] = document.errors
  if (error)
    throw new FileProblem(`${place(error.pos[0])}: ${error.message.split('\n')[0]?.replace(/ at line .*/, '')}`)

  const at = (node: Node | null): At => ({
    node,
    wrong: (what) => new FileProblem(`${node?.range ? place(node.range[0]) : file}: ${what}`),
  })
  const resolved = (value: unknown): Node | null => {
    const node = isAlias(value) ? value.resolve(document) : (value as Node | null)
    return node ?? null
  }
  const isNothing = (node: Node | null) => node === null || (isScalar(node) && node.value === null)
  const scalar = (node: Node | null, what: string): string => {
    if (isNothing(node)) return ''
    if (!isScalar(node)) throw at(node).wrong(`${what} must be a text`)
    return node.source ?? String(node.value)
  }

  const mapping = (node: Node | null, what: string): readonly Pair[] => {
    if (isNothing(node)) return []
    if (!isMap(node)) throw at(node).wrong(`${what} must be a mapping`)
    return node.items
  }

  const open = (node: Node | null, what: string, known: readonly string[]): Fields => {
    const values = new Map<string, Node | null>()
    for (const { key, value } of mapping(node, what)) {
      const name = scalar(key as Node, 'a key')
      if (!known.includes(name))
        throw at(key as Node).wrong(`unknown field ${JSON.stringify(name)} in ${what} (known: ${known.join(', ')})`)
      values.set(name, resolved(value))
    }
    const get = (name: string) => values.get(name) ?? null
    return {
      ...at(node),
      has: (name) => !isNothing(get(name)),
      at: (name) => at(get(name) ?? node),
      text: (name) => scalar(get(name), name) || null,
      bool(name) {
        const said = scalar(get(name), name).toLowerCase()
        if (said === '') return null
        if (/^(true|yes|on)$/.test(said)) return true
        if (/^(false|no|off)$/.test(said)) return false
        throw at(get(name)).wrong(`${name} must be true or false, not ${JSON.stringify(said)}`)
      },
      list(name) {
        const list = get(name)
        if (isNothing(list)) return []
        if (!isSeq(list)) throw at(list).wrong(`${name} must be a list`)
        return list.items.map((item) => scalar(resolved(item), `an entry of ${name}`))
      },
      map: (name, fields) => open(get(name), name, fields),
      texts(name) {
        const pairs = mapping(get(name), name)
        return new Map(pairs.map(({ key, value }) => [scalar(key as Node, 'a key'), scalar(resolved(value), name)]))
      },
    }
  }
  return open(document.contents as Node | null, 'the file', fields)
}
