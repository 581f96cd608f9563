// Reads a heap snapshot of V8: what is retained, by kind of object, and each object over 50 KB by what retains it.
import { readFileSync } from 'node:fs'

const LARGE_BYTES = 50 * 1024

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      readonly node_types: readonly [readonly string[]]
      readonly edge_fields: readonly string[]
      readonly edge_types: readonly [readonly string[]]
    }
  }
  readonly nodes: readonly number[]
  readonly edges: readonly number[]
  readonly strings: readonly string[]
}

/** Bytes by kind of object, without the large ones, and of each large object by what it is. */
export function retainedBytes(path: string): ReadonlyMap<string, number> {
  const { snapshot, nodes, edges, strings } = JSON.parse(readFileSync(path, 'utf8')) as Snapshot
  const { node_fields: fields, edge_fields: edgeFields } = snapshot.meta
  const [typeNames, edgeTypeNames] = [snapshot.meta.node_types[0], snapshot.meta.edge_types[0]]
  const at = (node: number, field: string) => nodes[node + fields.indexOf(field)] ?? 0
  const typeOf = (node: number) => typeNames[at(node, 'type')] ?? ''
  const nameOf = (node: number) => strings[at(node, 'name')] ?? ''
  const bytes = new Map<string, number>()
  const large = new Map<number, string>()
  const starts: number[] = []
  let edge = 0
  for (let node = 0; node < nodes.length; node += fields.length) {
    starts.push(edge)
    edge += at(node, 'edge_count') * edgeFields.length
    const size = at(node, 'self_size')
    if (size >= LARGE_BYTES) large.set(node, '')
    else {
      const what = `${typeOf(node)}${kindOf(nameOf(node))}`
      bytes.set(what, (bytes.get(what) ?? 0) + size)
    }
  }
  starts.forEach((start, i) => {
    const from = i * fields.length
    for (let e = start; e < (starts[i + 1] ?? edges.length); e += edgeFields.length) {
      const to = edges[e + 2] ?? 0
      const how = edgeTypeNames[edges[e] ?? 0]
      if (large.get(to) !== '' || how === 'weak') continue
      const property = how === 'element' || how === 'hidden' ? String(edges[e + 1]) : strings[edges[e + 1] ?? 0]
      large.set(to, `${nameOf(from).replace(/^.*\//, '') || typeOf(from)}.${property}`)
    }
  })
  for (const [node, retainer] of large) bytes.set(`one ${typeOf(node)}, retained by ${retainer}`, at(node, 'self_size'))
  return bytes
}

/** V8's own kinds by their names; objects and functions of programs are taken together. */
function kindOf(name: string): string {
  return /^system \/|^\((?!closure)/.test(name) ? `: ${name.replace('system / ', '')}` : ''
}
