// Parses the command line into a command, its operands and its options, or one error message.
import minimist from 'minimist'
import { didYouMean } from '../config/did-you-mean.ts'
import { isKey, type Key, OBSOLETE_KEYS, rowOf } from '../config/keys.ts'
import type { CommandLine, OptionValue } from '../config/layer.ts'
import { withoutPasswords } from '../config/without-password.ts'
import { EVENT_KINDS, isEventId } from '../core/event.ts'
import { isPattern } from '../core/glob.ts'
import { unitName } from '../core/unit-name.ts'
import {
  COMMAND_NAMES,
  COMMANDS,
  type Command,
  isCommand,
  OPERATIONS,
  type OptionName,
  optionRow,
  SHELLS,
} from './command-table.ts'
import { commandsOf, FLAGS, type FlagTarget } from './flags.ts'
import { plainWords } from './plain-words.ts'
import { UsageError } from './usage-error.ts'

export interface Arguments extends CommandLine {
  readonly command: Command
  readonly operands: readonly string[]
  readonly json: boolean
  readonly failed: boolean
  readonly noBlock: boolean
  readonly keepEvents: boolean
  readonly all: boolean
  readonly yes: boolean
  readonly follow: boolean
  readonly unit: string | null
  readonly kind: string | null
  readonly limit: number | null
  readonly unitSettings: UnitSettings
}

/** The options of create-unit; null if absent. mqtt-clear has `dryRun` too. */
export interface UnitSettings {
  readonly description: string | null
  readonly user: string | null
  readonly workingDirectory: string | null
  readonly environmentFile: string | null
  readonly restart: string | null
  readonly memoryMax: string | null
  readonly dryRun: boolean
  readonly watch: boolean
}

/** The kinds that --kind accepts: `dropped` exists on MQTT only. */
const KINDS: readonly string[] = [...EVENT_KINDS, 'dropped']

/** Parses the arguments after the program name. A problem is one line for stderr, with exit code 2. */
export function parseArguments(argv: readonly string[]): Arguments | { readonly problem: string } {
  try {
    return parse(argv)
  } catch (error) {
    if (error instanceof UsageError) return { problem: withoutPasswords(error.message) }
    throw error
  }
}

/** The command that a command line is about, although it cannot be parsed; null if it names none. */
export function commandIn(argv: readonly string[]): Command | null {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).find(isCommand) ?? null
}

function parse(argv: readonly string[]): Arguments {
  const names = [...FLAGS.keys()].map((spelling) => spelling.replace(/^-+/, ''))
  const { _, '--': rest = [], ...given } = minimist(plainWords(argv), { string: [...names, '_'], '--': true })
  const [command = null, ...operands] = _
  if (command !== null && !isCommand(command))
    throw new UsageError(`unknown command "${command}"${didYouMean(command, COMMAND_NAMES)}`)

  const options = new Map<OptionName, string>()
  const used = new Map<string, FlagTarget>()
  const overrides = new Map<Key, OptionValue>()
  const notes: string[] = []
  for (const [name, value] of Object.entries(given)) {
    const spelling = name.length === 1 ? `-${name}` : `--${name}`
    const values = [value].flat() as string[]
    const target = FLAGS.get(spelling)
    if (target === undefined) throw new Error(`minimist made up the option ${spelling}`)
    used.set(spelling, target)
    if (target.kind === 'option') options.set(target.name, values[0] ?? '')
    else if (target.kind === 'ignored') notes.push(`${spelling} ${OBSOLETE_KEYS[target.name]?.note ?? ''}`)
    else for (const [key, one] of settings(target, spelling, values, overrides)) overrides.set(key, one)
  }
  const args = toArguments(command, [...operands, ...rest], options, overrides, notes)
  // --help and --version can be added to any command line.
  if (!options.has('help') && !options.has('version')) refuseIgnored(args, used, options)
  return args
}

/** An option that would change nothing is refused: it was meant to. */
function refuseIgnored(
  { command, operands: [first], overrides }: Arguments,
  used: ReadonlyMap<string, FlagTarget>,
  options: ReadonlyMap<OptionName, string>,
): void {
  for (const [spelling, target] of used) {
    const accepting = commandsOf(target)
    if (!accepting.includes(command))
      throw new UsageError(`${spelling} is not valid with ${command}, only with ${accepting.join(', ')}`)
  }
  if (first === undefined) return
  if (command === 'check-config' && options.has('config'))
    throw new UsageError('check-config: give FILE or --config, not both')
  if (command === 'dump' && overrides.has('persistence_file'))
    throw new UsageError('dump: give FILE or --persistence-file, not both')
}

function settings(
  target: FlagTarget & { kind: 'key' },
  flag: string,
  values: readonly string[],
  before: ReadonlyMap<Key, OptionValue>,
): [Key, OptionValue][] {
  const { key } = target
  const { type } = rowOf(key)
  const [first = ''] = values
  let value = target.flag.value === undefined ? target.flag.sets : type.fromText(first)
  if (type.list) {
    const earlier = (before.get(key)?.value ?? []) as unknown[]
    value = [...earlier, ...values.flatMap((one) => type.fromText(one) as unknown[])]
  }
  const also = Object.entries(target.flag.alsoSets ?? {}).map(([name, one]): [Key, OptionValue] => {
    if (!isKey(name)) throw new Error(`no such key: ${name}`)
    return [name, { value: one, flag }]
  })
  return [[key, { value, flag }], ...also]
}

function toArguments(
  word: Command | null,
  operands: readonly string[],
  options: ReadonlyMap<OptionName, string>,
  overrides: ReadonlyMap<Key, OptionValue>,
  notes: readonly string[],
): Arguments {
  const { command, operands: all } = commandOf(word, operands, options)
  const { minOperands, maxOperands, operands: shape } = COMMANDS[command]
  const usage = `gatewatch ${command}${shape && ` ${shape}`}`
  if (all.length < minOperands) throw new UsageError(`${command}: missing ${shape}; usage: ${usage}`)
  if (all.length > maxOperands)
    throw new UsageError(`${command}: unexpected argument "${all[maxOperands]}"; usage: ${usage}`)
  const [topic] = all
  if (command === 'help' && topic !== undefined && !isCommand(topic)) {
    throw new UsageError(`unknown command "${topic}"${didYouMean(topic, COMMAND_NAMES)}`)
  }
  if (command === 'completion' && !SHELLS.some((shell) => shell === topic))
    throw new UsageError(`completion is not available for "${topic}", only for ${SHELLS.join(', ')}`)
  return {
    command,
    operands: all.map((word, i) => (i < unitsAmong(command) ? unitOperand(word, command) : word)),
    configFile: options.get('config') ?? null,
    user: options.has('user'),
    json: options.has('json'),
    failed: options.has('failed'),
    noBlock: options.has('noBlock'),
    keepEvents: options.has('keepEvents'),
    all: options.has('all'),
    yes: options.has('yes'),
    follow: options.has('follow'),
    unit: unitOption(options.get('unit')),
    kind: kindOption(options.get('kind')),
    limit: limitOption(options.get('limit')),
    unitSettings: {
      description: options.get('description') ?? null,
      user: options.get('runAs') ?? null,
      workingDirectory: options.get('workingDirectory') ?? null,
      environmentFile: options.get('environmentFile') ?? null,
      restart: options.get('restart') ?? null,
      memoryMax: options.get('memoryMax') ?? null,
      dryRun: options.has('dryRun'),
      watch: options.has('watch'),
    },
    overrides,
    notes,
  }
}

/** The command, or the one that an option such as --clear selects (as in the former program). */
function commandOf(word: Command | null, operands: readonly string[], options: ReadonlyMap<OptionName, string>) {
  if (options.has('help'))
    return { command: 'help' as const, operands: word === null || word === 'help' ? operands : [word] }
  if (options.has('version')) return { command: 'version' as const, operands: [] }
  const acting = [...options.keys()].filter((name) => optionRow(name).actsAs)
  const [first, second] = acting.map((name) => optionRow(name))
  if (first && second) throw new UsageError(`${first.long} and ${second.long} cannot be used together`)
  if (!first?.actsAs) return { command: word ?? ('run' as const), operands }
  if (word !== null && word !== first.actsAs)
    throw new UsageError(`${first.long} cannot be combined with the command ${word}`)
  const file = first.actsAs === 'create-config' ? [options.get('createConfig') ?? ''] : []
  return { command: first.actsAs, operands: [...file, ...operands] }
}

/** How many of a command's first operands are unit names. */
function unitsAmong(command: Command): number {
  if (command === 'create-unit' || command === 'remove-unit' || command === 'show' || command === 'explain') return 1
  return OPERATIONS.some((one) => one === command) ? Number.POSITIVE_INFINITY : 0
}

function unitOperand(text: string, command: Command): string {
  if (command === 'explain' && isEventId(text)) return text
  const parsed = unitName(text)
  if ('wrong' in parsed) throw new UsageError(`"${text}" ${parsed.wrong}`)
  if (isPattern(parsed.value)) throw new UsageError(`"${text}" is a pattern; this command requires unit names`)
  return parsed.value
}

function unitOption(text: string | undefined): string | null {
  if (text === undefined) return null
  const parsed = unitName(text)
  if ('wrong' in parsed) throw new UsageError(`--unit: "${text}" ${parsed.wrong}`)
  return parsed.value
}

function kindOption(text: string | undefined): string | null {
  if (text === undefined || KINDS.includes(text)) return text ?? null
  throw new UsageError(`--kind: unknown kind "${text}"${didYouMean(text, KINDS)}`)
}

function limitOption(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000) return Number(text)
  throw new UsageError(`--limit: "${text}" is not a whole number from 1 to 10000`)
}
