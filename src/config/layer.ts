// The layers of the configuration (file, environment, command line): the value of each key and its exact place.

import { jsonText, MESSAGE_CHARACTERS_AT_MOST, oneLine } from '../core/views/format.ts'
import type { Env } from '../ports.ts'
import { didYouMean } from './did-you-mean.ts'
import { KEY_NAMES, type Key, OTHER_NAMES, rowOf, variableOf } from './keys.ts'
import { splitListen } from './text-types.ts'
import { hasPassword, withoutPassword } from './without-password.ts'

export type Origin = 'default' | 'file' | 'environment' | 'command line'

export interface SourcedValue {
  readonly value: unknown
  /** `config.json:3:5`, `GATEWATCH_MQTT_URL`, `--mqtt`. */
  readonly source: string
  /** The same for error messages, with the key if it is not obvious: `config.json:3:5: mqtt.url`. */
  readonly place?: string
  /** The place of an element of a list, for error messages. */
  readonly elementPlace?: (index: number) => string
}

export interface Problem {
  readonly place: string
  /** The key, with an index for an element of a list. */
  readonly path: string
  readonly value: unknown
  /** Why, worded to follow the place and the value. */
  readonly message: string
  /** Place, value and message as one line. */
  readonly text: string
  /** Ends even a service: wrong usage, or a file that is not JSON. */
  readonly fatal: boolean
  readonly origin: Origin
}

/** The value of an option, not yet validated, and the spelling of the option. */
export interface OptionValue {
  readonly value: unknown
  readonly flag: string
}

/** The part of the command line that configures a run. */
export interface CommandLine {
  readonly configFile: string | null
  readonly user: boolean
  readonly overrides: ReadonlyMap<Key, OptionValue>
  /** Notes on options that are accepted but have no effect, with the reason. */
  readonly notes: readonly string[]
}

export interface Layer {
  readonly origin: Exclude<Origin, 'default'>
  readonly entries: ReadonlyMap<Key, SourcedValue>
  readonly problems: readonly Problem[]
  readonly notes: readonly string[]
}

export const FOR_DEFAULTS = 'for the defaults, write {} to the file'

/** A value in an error message: JSON without passwords. */
function valueText(value: unknown): string {
  return jsonText(value, (_key, part) => (typeof part === 'string' ? withoutPassword(part) : part))
}

export function problemOf(
  place: string,
  path: string,
  value: unknown,
  message: string,
  { fatal = false, origin = 'file' }: Partial<Pick<Problem, 'fatal' | 'origin'>> = {},
): Problem {
  const text = `${place}: ${value === undefined ? '' : `${valueText(value)} `}${message}`
  return { place, path, value, message, fatal, origin, text: oneLine(text, MESSAGE_CHARACTERS_AT_MOST) }
}

/** An unknown GATEWATCH_ variable is probably a typing error and becomes a note; other variables are ignored. */
export function environmentLayer(env: Env): Layer {
  const entries = new Map<Key, SourcedValue>()
  const variables = new Map(KEY_NAMES.map((key) => [variableOf(key), key]))
  for (const [variable, key] of variables) {
    const text = env[variable]
    if (text) entries.set(key, { value: rowOf(key).type.fromText(text), source: variable })
  }
  const otherVariables = new Map([...OTHER_NAMES].map(([name, key]) => [variableOf(name), variableOf(key)]))
  const notes = Object.keys(env)
    .filter((name) => name.startsWith('GATEWATCH_') && name !== 'GATEWATCH_CONFIG' && !variables.has(name))
    .map((name) => `unknown environment variable ${name}${didYouMean(name, [...variables.keys()], otherVariables)}`)
  return { origin: 'environment', entries: splitPort(entries), problems: [], notes }
}

/** Values from variables of other programs on the gateway: lower than everything that is set for gatewatch. */
export function inheritedLayer(env: Env): Layer {
  const entries = new Map<Key, SourcedValue>()
  if (env.WM_GW_ID) entries.set('gateway_id', { value: env.WM_GW_ID, source: 'WM_GW_ID' })
  return { origin: 'environment', entries, problems: [], notes: [] }
}

export function argumentLayer(args: Pick<CommandLine, 'overrides' | 'notes'>): Layer {
  const entries = new Map<Key, SourcedValue>()
  const problems: Problem[] = []
  for (const [key, { value, flag }] of args.overrides) {
    if (rowOf(key).secret && hasPassword(String(value))) {
      const message =
        'a password on the command line is visible to all users and is not accepted; use mqtt.password_file'
      problems.push(problemOf(flag, key, undefined, message, { fatal: true, origin: 'command line' }))
    } else entries.set(key, { value, source: flag })
  }
  return { origin: 'command line', entries: splitPort(entries), problems, notes: args.notes }
}

/** Moves the port in `listen` to prometheus_port, unless the same layer sets that key. */
export function splitPort(entries: Map<Key, SourcedValue>): Map<Key, SourcedValue> {
  const listen = entries.get('listen')
  const cut = typeof listen?.value === 'string' ? splitListen(listen.value) : null
  if (!listen || !cut) return entries
  entries.set('listen', { ...listen, value: cut.address })
  if (!entries.has('prometheus_port')) entries.set('prometheus_port', { ...listen, value: Number(cut.port) })
  return entries
}
