// What can be completed on the command line: commands, their options, the values of options, and operands.
import { EVENT_KINDS } from '../../core/event.ts'
import { COMMAND_NAMES, type Command, OPERATIONS, optionRow, rowOfCommand, SHELLS } from '../command-table.ts'
import { commandsOf, FLAGS, type FlagTarget, valueName } from '../flags.ts'
import { keyHelp } from '../manual.ts'
import { RESTARTS } from '../unit-file.ts'

export type Shell = (typeof SHELLS)[number]

/** What a value or an operand is; a list: one of these words. */
export type Candidates = 'files' | 'directories' | 'units' | 'users' | readonly string[]

interface CommandCandidates {
  readonly name: Command
  readonly summary: string
  /** Null if its operands cannot be completed, or if it has none. */
  readonly operands: Candidates | null
}

export interface OptionCandidates {
  readonly long: string
  readonly short: string | null
  readonly help: string
  /** Null if the value cannot be completed; absent if the option takes none. */
  readonly value?: Candidates | null
  readonly commands: readonly Command[]
  /** Also accepted without a command: with `run`, or because it selects one itself. */
  readonly withoutCommand: boolean
}

export const COMMAND_CANDIDATES: readonly CommandCandidates[] = COMMAND_NAMES.map((name) => ({
  name,
  summary: rowOfCommand(name).summary,
  operands: operandsOf(name),
}))

function operandsOf(name: Command): Candidates | null {
  switch (name) {
    case 'help':
      return COMMAND_NAMES
    case 'completion':
      return SHELLS
    case 'show':
    case 'explain':
    case 'remove-unit':
      return 'units'
    case 'import':
    case 'dump':
    case 'format':
    case 'check-config':
    case 'create-config':
      return 'files'
    default:
      return OPERATIONS.some((one) => one === name) ? 'units' : null
  }
}

export const OPTION_CANDIDATES: readonly OptionCandidates[] = [...FLAGS]
  .filter(([flag]) => flag.startsWith('--'))
  .map(([long, target]) => {
    const commands = commandsOf(target)
    const value = valueName(target)
    return {
      long,
      short: shortOf(target),
      help: helpOf(target),
      ...(value === undefined ? {} : { value: valueCandidates(value) }),
      commands,
      withoutCommand:
        commands.includes('run') || (target.kind === 'option' && optionRow(target.name).actsAs !== undefined),
    }
  })

/** The first sentence of the help, without the full stop. */
function helpOf(target: FlagTarget): string {
  const help =
    target.kind === 'option'
      ? optionRow(target.name).help
      : (target.flag.help ?? (target.kind === 'key' ? keyHelp(target.key) : ''))
  return help.replace(/\.( .*)?$/s, '')
}

function shortOf(target: FlagTarget): string | null {
  const [short = null] = [...FLAGS]
    .filter(([flag, one]) => one === target && !flag.startsWith('--'))
    .map(([flag]) => flag)
  return short
}

/** By the name of the value in the help. */
function valueCandidates(name: string): Candidates | null {
  if (name.includes('|')) return name.split('|')
  switch (name) {
    case 'FILE':
    case 'PATH':
      return 'files'
    case 'DIR':
      return 'directories'
    case 'U':
      return 'units'
    case 'USER':
      return 'users'
    case 'K':
      return EVENT_KINDS
    case 'WHEN':
      return RESTARTS
    default:
      return null
  }
}

/** For bash and zsh: the branches of a `case` over the word before, for the values of options. `statement` completes a value. */
export function valueBranches(statement: (candidates: Candidates | null) => string): string[] {
  return OPTION_CANDIDATES.flatMap(({ long, short, value }) =>
    value === undefined ? [] : [`    ${[long, ...(short ? [short] : [])].join('|')}) ${statement(value)} return ;;`],
  )
}

/** The same over the command, for operands. */
export function operandBranches(statement: (candidates: Candidates) => string): string[] {
  return COMMAND_CANDIDATES.flatMap(({ name, operands }) =>
    operands === null ? [] : [`    ${name}) ${statement(operands)} ;;`],
  )
}

/** Prints the names of all units, one a line; for sh, bash, zsh and fish. */
export const LIST_UNITS =
  "sh -c '{ systemctl list-units --all --full --no-legend --plain; systemctl list-unit-files --no-legend; } 2>/dev/null' | cut -d ' ' -f 1 | sort -u"
