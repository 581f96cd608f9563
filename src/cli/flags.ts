// All flags by their spelling, from the tables of configuration keys and of options.
import type { Flag } from '../config/key-row.ts'
import { KEY_NAMES, type Key, OBSOLETE_KEYS, rowOf } from '../config/keys.ts'
import { COMMAND_NAMES, type Command, OPTIONS, type OptionName, optionRow, rowOfCommand } from './command-table.ts'

export type FlagTarget =
  | { readonly kind: 'key'; readonly key: Key; readonly flag: Flag }
  | { readonly kind: 'option'; readonly name: OptionName }
  | { readonly kind: 'ignored'; readonly name: string; readonly flag: Flag }

function* spellings(): Generator<[string, FlagTarget]> {
  for (const key of KEY_NAMES) {
    for (const flag of rowOf(key).flags ?? []) {
      const target: FlagTarget = { kind: 'key', key, flag }
      yield [flag.long, target]
      if (flag.short) yield [flag.short, target]
    }
  }
  for (const [name, { flag }] of Object.entries(OBSOLETE_KEYS))
    if (flag) yield [flag.long, { kind: 'ignored', name, flag }]
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const row = optionRow(name)
    const target: FlagTarget = { kind: 'option', name }
    yield [row.long, target]
    if (row.short) yield [row.short, target]
  }
}

/** By `--long` and `-s` spelling. */
export const FLAGS: ReadonlyMap<string, FlagTarget> = new Map(spellings())

/** The commands that every configuration key concerns. */
export const CONFIGURED: readonly Command[] = ['run', 'check-config']

/** Name of the flag's value in the help; undefined if it takes none. */
export function valueName(flag: FlagTarget): string | undefined {
  return flag.kind === 'option' ? optionRow(flag.name).value : flag.flag.value
}

/** The commands that accept the flag: those for which it changes something. */
export function commandsOf(flag: FlagTarget): readonly Command[] {
  if (flag.kind === 'option') return optionRow(flag.name).commands ?? COMMAND_NAMES
  if (flag.kind === 'ignored') return CONFIGURED
  return COMMAND_NAMES.filter((name) => rowOfCommand(name).keys.includes(flag.key))
}
