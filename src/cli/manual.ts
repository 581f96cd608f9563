// The text of the help: sections made from the tables of commands, options and keys, for the terminal and the man page.
import type { Flag } from '../config/key-row.ts'
import { defaultOf, KEY_NAMES, type Key, OBSOLETE_KEYS, rowOf, variableOf } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import { SYSTEM_PATHS } from '../config/paths.ts'
import {
  COMMAND_NAMES,
  type Command,
  type CommandRow,
  OPTIONS,
  type OptionName,
  optionRow,
  rowOfCommand,
} from './command-table.ts'
import { CONFIGURED, commandsOf } from './flags.ts'

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'usage'; readonly line: string }
  | { readonly kind: 'item'; readonly term: string; readonly text: string }

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

export const SUMMARY = 'watch systemd units and count their starts, stops and crashes'

const text = (content: string): Block => ({ kind: 'text', text: content })
const usage = (line: string): Block => ({ kind: 'usage', line })
const item = (term: string, description: string): Block => ({ kind: 'item', term, text: description })

export function overview(watched: LoadedConfig | null): Section[] {
  return [
    { title: 'NAME', blocks: [text(`gatewatch - ${SUMMARY}`)] },
    {
      title: 'SYNOPSIS',
      blocks: [usage('gatewatch [run] [OPTION...]'), usage('gatewatch COMMAND [OPTION...] [OPERAND]')],
    },
    {
      title: 'COMMANDS',
      blocks: COMMAND_NAMES.map((name) => item(synopsis(name), sentence(rowOfCommand(name).summary))),
    },
    { title: 'OPTIONS', blocks: [...optionItems(() => true), ...configOptions(KEY_NAMES)] },
    ...(watched === null ? [] : [watchedUnits(watched)]),
    exitCodes(),
    {
      title: 'SEE ALSO',
      blocks: [
        text("'gatewatch help COMMAND' describes one command, 'gatewatch create-config -' every configuration key."),
      ],
    },
  ]
}

/** The units that a run with the same options watches, and where they are configured. */
function watchedUnits({ config, origins, lost }: LoadedConfig): Section {
  const { origin = 'default', place = '' } = origins.get('monitored_services') ?? {}
  const from = place === '' ? origin : `${origin}: ${place}`
  const why = lost === null ? '' : `; ${lost.text}`
  return { title: 'WATCHED UNITS', blocks: [text(config.monitored_services.join(', ')), text(`(${from}${why})`)] }
}

export function commandPage(name: Command): Section[] {
  const row = rowOfCommand(name)
  const own = optionsOf(name)
  const options =
    own.length > 0 && !row.operands.includes('[OPTION...]')
      ? `${own.map((option) => ` [${spelling(optionRow(option))}]`).join('')}`
      : ''
  const configured = CONFIGURED.includes(name)
  return [
    { title: 'NAME', blocks: [text(`gatewatch ${name} - ${row.summary}`)] },
    { title: 'SYNOPSIS', blocks: [usage(`gatewatch ${synopsis(name)}${options}${configured ? ' [OPTION...]' : ''}`)] },
    ...(row.text.length > 0 ? [{ title: 'DESCRIPTION', blocks: row.text.map(text) }] : []),
    {
      title: 'OPTIONS',
      blocks: [
        ...own.map(optionItem),
        ...optionItems((option) => GENERAL.includes(option) && accepts(name, option)),
        ...(configured ? configOptions(row.keys) : row.keys.flatMap((key) => flagItems(key, row.optionHelp[key]))),
      ],
    },
    ...(row.examples.length > 0
      ? [{ title: 'EXAMPLES', blocks: row.examples.map(([line, what]) => item(line, sentence(what))) }]
      : []),
    ...(configured ? [files(), environment()] : []),
    exitCodes(),
  ]
}

/** The complete manual, for gatewatch(1). */
export function wholeManual(): Section[] {
  const [name, synopsisSection, commands, options] = overview(null)
  const described = COMMAND_NAMES.map((command) => {
    const row = rowOfCommand(command)
    const own = [...optionsOf(command).map(optionItem), ...differing(row)]
    const examples = row.examples.map(([line, what]) => item(line, sentence(what)))
    return {
      title: `COMMAND ${command}`,
      blocks: [text(sentence(row.summary)), ...row.text.map(text), ...own, ...examples],
    }
  })
  const rest = [configuration(), files(), environment(), exitCodes()]
  return [name, synopsisSection, commands, options, ...described, ...rest].filter((section) => section !== undefined)
}

function configuration(): Section {
  const keys = KEY_NAMES.filter((key) => rowOf(key).inFile !== false)
  return {
    title: 'CONFIGURATION',
    blocks: [
      text(
        'The configuration file is JSON with comments; a key a.b is the member b of the object a. Order of precedence: defaults < file < environment < command line.',
      ),
      text(
        "'systemctl reload gatewatch' (SIGHUP) reloads the file. Changes take effect at once, except for keys marked 'takes effect after a restart'.",
      ),
      ...keys.map((key) =>
        item(`${key} (${defaultText(key)})`, `${keyHelp(key)}${restartRemark(key)} Environment: ${variableOf(key)}.`),
      ),
      ...Object.entries(OBSOLETE_KEYS).map(([key, { note }]) => item(key, `Accepted in older files; it ${note}.`)),
    ],
  }
}

function files(): Section {
  return {
    title: 'FILES',
    blocks: [
      item(SYSTEM_PATHS.configFile, 'Configuration; with --user $XDG_CONFIG_HOME/gatewatch/config.json.'),
      item(
        SYSTEM_PATHS.stateFile,
        'State file with counters and recent events; with --user $XDG_STATE_HOME/gatewatch/state.ring.',
      ),
      item(SYSTEM_PATHS.socket, 'Local socket; with --user $XDG_RUNTIME_DIR/gatewatch/gatewatch.sock.'),
    ],
  }
}

function environment(): Section {
  return {
    title: 'ENVIRONMENT',
    blocks: [
      item('GATEWATCH_CONFIG', 'Configuration file, unless --config is given.'),
      item(
        'GATEWATCH_<KEY>',
        'Sets a key: GATEWATCH_MQTT_URL sets mqtt.url. Lists are comma-separated; an empty value means unset.',
      ),
      item('WM_GW_ID', 'Used as gateway_id if that is not configured.'),
      item('DBUS_SYSTEM_BUS_ADDRESS, DBUS_SESSION_BUS_ADDRESS', 'Address of the bus, without and with --user.'),
      item(
        'INVOCATION_ID, JOURNAL_STREAM',
        'Set by systemd for a service; the agent then writes its log for the journal.',
      ),
      item('NO_COLOR', 'Disables colours.'),
    ],
  }
}

function exitCodes(): Section {
  return {
    title: 'EXIT CODES',
    blocks: [
      item('0', 'Success.'),
      item('1', 'Failure while running.'),
      item('2', 'Wrong usage or configuration.'),
      item('4', 'Permission denied.'),
      item('5', 'No such unit.'),
    ],
  }
}

const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[]

/** The options of most commands, which a synopsis does not list. */
const GENERAL: readonly OptionName[] = ['config', 'user', 'help', 'version']

function accepts(command: Command, name: OptionName): boolean {
  return commandsOf({ kind: 'option', name }).includes(command)
}

/** The options that a command has of its own. */
function optionsOf(command: Command): OptionName[] {
  return OPTION_NAMES.filter((name) => !GENERAL.includes(name) && !optionRow(name).actsAs && accepts(command, name))
}

function optionItem(name: OptionName): Block {
  return item(spelling(optionRow(name)), optionRow(name).help)
}

/** The options of the first section of the manual, without those of a single command. */
function optionItems(isWanted: (name: OptionName) => boolean): Block[] {
  return OPTION_NAMES.filter((name) => GENERAL.includes(name) || optionRow(name).actsAs)
    .filter(isWanted)
    .map(optionItem)
}

function configOptions(keys: readonly Key[]): Block[] {
  const ignored = Object.values(OBSOLETE_KEYS).flatMap(({ flag }) =>
    flag ? [item(spelling(flag), flag.help ?? '')] : [],
  )
  return keys.flatMap((key) => flagItems(key)).concat(ignored)
}

/** The options of keys that do something else with this command. */
function differing({ keys, optionHelp }: CommandRow): Block[] {
  return keys.filter((key) => key in optionHelp).flatMap((key) => flagItems(key, optionHelp[key]))
}

/** `help`: of a command for which it differs. */
function flagItems(key: Key, help?: string): Block[] {
  return (rowOf(key).flags ?? []).map((flag) => {
    const description = help ?? flag.help ?? `${keyHelp(key)}${flag.value ? ` Default: ${defaultText(key)}.` : ''}`
    return item(spelling(flag), description)
  })
}

/** The remark on a key whose change a reload cannot apply. */
export function restartRemark(key: Key): string {
  return rowOf(key).applies === 'restart' ? ' Takes effect after a restart.' : ''
}

export function keyHelp(key: Key): string {
  const { help, unit } = rowOf(key)
  return unit ? help.replace(/\.(?= |$)/, `, in ${unit}.`) : help // after the first sentence
}

function defaultText(key: Key): string {
  const { defaultText } = rowOf(key)
  const value = defaultOf(key, SYSTEM_PATHS)
  return defaultText ?? (typeof value === 'string' ? value : JSON.stringify(value))
}

function spelling(flag: Pick<Flag, 'long' | 'short' | 'value' | 'many'>): string {
  const value = flag.value ? ` ${flag.value}${flag.many ? ` [${flag.value}...]` : ''}` : ''
  return `${flag.short ? `${flag.short}, ` : ''}${flag.long}${value}`
}

function synopsis(name: Command): string {
  const { operands } = rowOfCommand(name)
  return operands === '' ? name : `${name} ${operands}`
}

/** `show the version` -> `Show the version.` */
function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}
