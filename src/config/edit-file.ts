// Adds a unit to monitored_services of a configuration file or removes it; keeps the comments. Pure.

import { applyEdits, findNodeAtLocation, modify, parseTree } from 'jsonc-parser'
import { ControlError } from '../core/command.ts'
import { nestedTooDeeplyAt } from './nesting.ts'

const KEY = 'monitored_services'
const FORMAT = { formattingOptions: { insertSpaces: true, tabSize: 2 } }

/** `text` is null if there is no file yet; `watched` are the units watched so far. Null if the unit is among them. */
export function withWatched(text: string | null, unit: string, watched: readonly string[]): string | null {
  if (watched.includes(unit)) return null
  if (text === null) return `${JSON.stringify({ [KEY]: [...watched, unit] }, null, 2)}\n`
  const list = listIn(text)
  if (list === null) return applyEdits(text, modify(text, [KEY], [...watched, unit], FORMAT))
  return applyEdits(text, modify(text, [KEY, list.length], unit, { ...FORMAT, isArrayInsertion: true }))
}

/** Null if the file does not list the unit. */
export function withoutWatched(text: string, unit: string): string | null {
  const at = listIn(text)?.indexOf(unit) ?? -1
  return at < 0 ? null : applyEdits(text, modify(text, [KEY, at], undefined, FORMAT))
}

function listIn(text: string): unknown[] | null {
  if (nestedTooDeeplyAt(text) !== null)
    throw new ControlError('refused', 'the configuration file is not JSON; it was not changed')
  const root = parseTree(text)
  const node = root && findNodeAtLocation(root, [KEY])
  return node?.type === 'array' ? (node.children ?? []).map((child) => child.value) : null
}
