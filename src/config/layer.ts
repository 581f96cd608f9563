// One source of configuration values: what it gives for each key, and where exactly it says so.

import type { Env } from '../ports.ts'
import { didYouMean } from './did-you-mean.ts'
import { KEY_NAMES, type Key, rowOf, variableOf } from './keys.ts'
import { splitListen } from './text-types.ts'

export type Origin = 'default' | 'file' | 'environment' | 'command line'

export interface SourcedValue {
  readonly value: unknown
  /** Where it stands: `config.json:3:5`, `GATEWATCH_MQTT_URL`, `--mqtt`. */
  readonly where: string
  /** The same for an error, with the key path where that is not clear: `config.json:3:5: mqtt.url`. */
  readonly place?: string
  /** Where an element of a list stands. */
  readonly placeOf?: (index: number) => string
}

export interface Problem {
  readonly place: string
  /** The key path, with an index for an element of a list. */
  readonly path: string
  readonly value: unknown
  /** Why, worded to follow place and value. */
  readonly message: string
  /** The whole as one line. */
  readonly text: string
  /** Never tolerated, not even as a service: wrong usage, a file that is no JSON. */
  readonly fatal: boolean
}

/** The value of an option as typed, not yet validated, and the option that it was given with. */
export interface OptionValue {
  readonly value: unknown
  readonly flag: string
}

/** The part of the command line that configures a run. */
export interface CommandLine {
  readonly configFile: string | null
  readonly user: boolean
  readonly overrides: ReadonlyMap<Key, OptionValue>
  /** Options that were accepted and have no effect, each with the reason. */
  readonly notes: readonly string[]
}

export interface Layer {
  readonly origin: Exclude<Origin, 'default'>
  readonly entries: ReadonlyMap<Key, SourcedValue>
  readonly problems: readonly Problem[]
  readonly notes: readonly string[]
}

/** A value as it is shown in an error: JSON, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

export function problemOf(place: string, path: string, value: unknown, message: string, fatal = false): Problem {
  return {
    place,
    path,
    value,
    message,
    fatal,
    text: `${place}: ${value === undefined ? '' : `${shown(value)} `}${message}`,
  }
}

/** Variables that other programs set are left alone; one of ours that is unknown is told, for it is a slip of the pen. */
export function environmentLayer(env: Env): Layer {
  const entries = new Map<Key, SourcedValue>()
  const variables = new Map(KEY_NAMES.map((key) => [variableOf(key), key]))
  for (const [variable, key] of variables) {
    const text = env[variable]
    if (text) entries.set(key, { value: rowOf(key).type.fromText(text), where: variable })
  }
  const notes = Object.keys(env)
    .filter((name) => name.startsWith('GATEWATCH_') && name !== 'GATEWATCH_CONFIG' && !variables.has(name))
    .map((name) => `${name} in the environment means nothing here: ${didYouMean(name, [...variables.keys()])}`)
  return { origin: 'environment', entries: withPort(entries), problems: [], notes }
}

/** What other programs of the gateway say of it: below everything that is meant for this one. */
export function inheritedLayer(env: Env): Layer {
  const entries = new Map<Key, SourcedValue>()
  if (env.WM_GW_ID) entries.set('gateway_id', { value: env.WM_GW_ID, where: 'WM_GW_ID' })
  return { origin: 'environment', entries, problems: [], notes: [] }
}

export function argumentLayer(args: Pick<CommandLine, 'overrides' | 'notes'>): Layer {
  const entries = new Map<Key, SourcedValue>()
  const problems: Problem[] = []
  for (const [key, { value, flag }] of args.overrides) {
    if (key === 'mqtt.url' && /^[^/]*\/\/[^/@]*:[^/@]*@/.test(String(value))) {
      const message = 'is refused: a password on the command line is seen by all; put it into mqtt.password_file'
      problems.push(problemOf(flag, key, undefined, message, true))
    } else entries.set(key, { value, where: flag })
  }
  return { origin: 'command line', entries: withPort(entries), problems, notes: args.notes }
}

/** Cuts the port off `listen`, unless the same layer names one itself. */
export function withPort(entries: Map<Key, SourcedValue>): Map<Key, SourcedValue> {
  const listen = entries.get('listen')
  const cut = typeof listen?.value === 'string' ? splitListen(listen.value) : null
  if (!listen || !cut) return entries
  entries.set('listen', { ...listen, value: cut.address })
  if (!entries.has('prometheus_port')) entries.set('prometheus_port', { ...listen, value: Number(cut.port) })
  return entries
}

/** The value with the password of a URL masked, where the key can hold one. */
export function masked(key: Key, value: unknown): unknown {
  if (!rowOf(key).secret || typeof value !== 'string') return value
  return value.replace(/^([^/]*\/\/[^/@]*:)[^@]*@/, '$1***@')
}
