// Merges the layers into the effective configuration (defaults < file < environment < command line) and validates every
// value.
import { resolve } from 'node:path'
import * as v from 'valibot'
import { type Config, defaultOf, KEY_NAMES, type Key, rowOf, WRITTEN_FILES, type WrittenFile } from './keys.ts'
import { type Layer, type Origin, type Problem, problemOf, type SourcedValue } from './layer.ts'
import { isOfFormerProgram, type Paths } from './paths.ts'

export interface MergedConfig {
  readonly config: Config
  readonly origins: ReadonlyMap<Key, { readonly origin: Origin; readonly place: string }>
  readonly problems: readonly Problem[]
  readonly notes: readonly string[]
}

/**
 * Merges the layers, lowest first. An invalid value is a problem in any layer and keeps the value of the layer below; of a
 * list, only the invalid elements are dropped. The caller decides whether problems are fatal.
 */
export function mergeLayers(layers: readonly Layer[], paths: Paths): MergedConfig {
  const problems: Problem[] = layers.flatMap((layer) => layer.problems)
  const notes = layers.flatMap((layer) => layer.notes)
  const values = new Map<Key, unknown>(KEY_NAMES.map((key) => [key, defaultOf(key, paths)]))
  const origins = new Map<Key, { origin: Origin; place: string }>(
    KEY_NAMES.map((key) => [key, { origin: 'default', place: '' }]),
  )
  for (const { origin, entries } of layers) {
    for (const [key, entry] of entries) {
      const checked = validate(key, entry, origin)
      problems.push(...checked.problems)
      if (!('value' in checked)) continue
      values.set(key, checked.value)
      origins.set(key, { origin, place: entry.source })
    }
  }
  const sameFiles = sharedFiles(nest(values))
  // The agent would append its log to the state file, and rotate it away.
  for (const [key] of sameFiles) values.set(key, defaultOf(key, paths))
  const config = nest(values)
  for (const [key, message] of [...contradictions(config), ...sameFiles]) {
    const { place, origin } = origins.get(key) ?? { place: '', origin: 'default' }
    problems.push(problemOf(place ? `${place}: ${key}` : key, key, undefined, message, { origin }))
  }
  if (config.backend === 'command')
    notes.push('backend is "command": units are controlled with systemctl, but watching still requires D-Bus')
  if (
    !config.mqtt.enabled &&
    origins.get('mqtt.url')?.origin !== 'default' &&
    origins.get('mqtt.enabled')?.origin === 'default'
  ) {
    notes.push('mqtt.url is set, but nothing is published: mqtt.enabled is false')
  }
  if (config.remote_write.token_file !== null && config.remote_write.username !== null)
    notes.push('remote_write.username is ignored: remote_write.token_file is used instead')
  if (isOfFormerProgram(config.persistence_file))
    notes.push(`persistence_file belongs to the former program and is not changed; the state is in ${paths.stateFile}`)
  return { config, origins, problems, notes }
}

const RELATIVE = 'is a relative path, but the service has no working directory; expected an absolute one'

function isWritten(key: Key): key is WrittenFile {
  return WRITTEN_FILES.some((file) => file === key)
}

/** Why the agent cannot write a file at this path; null if it can. */
function fileProblem(key: WrittenFile, path: string, origin: Origin): string | null {
  // It could not be rotated, and often not be opened: it is a socket, a pipe, or a file of another user.
  if (/^\/(dev\/(stdin|stdout|stderr|fd\/.*)|proc\/.*)$/.test(resolve(path)))
    return `is an open stream, not a file${key === 'log_file' ? '; without log_file, the log goes to stderr' : ''}`
  return path.startsWith('/') || origin === 'command line' ? null : RELATIVE
}

function validate(key: Key, entry: SourcedValue, origin: Origin): { value?: unknown; problems: Problem[] } {
  const { schema } = rowOf(key).type
  const result = v.safeParse(schema, entry.value)
  const place = entry.place ?? entry.source
  const kind = { fatal: origin === 'command line', origin }
  if (result.success) {
    const { output } = result
    const wrong = isWritten(key) && typeof output === 'string' ? fileProblem(key, output, origin) : null
    if (wrong === null) return { value: output, problems: [] }
    return { problems: [problemOf(place, key, entry.value, wrong, kind)] }
  }
  const wrong = new Set<number>()
  const problems = result.issues.map((issue) => {
    const index = issue.path?.[0]?.key
    if (typeof index !== 'number') return problemOf(place, key, entry.value, issue.message, kind)
    wrong.add(index)
    const value = (entry.value as unknown[])[index]
    return problemOf(entry.elementPlace?.(index) ?? place, `${key}[${index}]`, value, issue.message, kind)
  })
  if (!Array.isArray(entry.value) || wrong.size === 0 || wrong.size === entry.value.length) return { problems }
  const rest = v.safeParse(
    schema,
    entry.value.filter((_, index) => !wrong.has(index)),
  )
  return rest.success ? { value: rest.output, problems } : { problems }
}

/** Problems of values that are valid on their own but not together. */
function* contradictions(config: Config): Generator<[Key, string]> {
  for (const section of ['mqtt', 'remote_write'] as const) {
    const { cert_file, key_file } = config[section]
    if (cert_file !== null && key_file === null) yield [`${section}.cert_file`, `requires ${section}.key_file as well`]
    if (key_file !== null && cert_file === null) yield [`${section}.key_file`, `requires ${section}.cert_file as well`]
  }
  yield* remoteWriteContradictions(config.remote_write)
  const { length } = config.monitored_services
  if (length > config.max_units)
    yield ['monitored_services', `has ${length} names, more than max_units (${config.max_units})`]
}

function* remoteWriteContradictions(section: Config['remote_write']): Generator<[Key, string]> {
  const { url, username, password_file } = section
  if (password_file !== null && username === null)
    yield ['remote_write.password_file', 'requires remote_write.username as well']
  for (const file of ['ca_file', 'cert_file'] as const) {
    if (section[file] !== null && url?.startsWith('http:'))
      yield [`remote_write.${file}`, 'requires TLS; use https:// in remote_write.url']
  }
}

/** The files that are configured twice: the keys after the first one. */
function sharedFiles(config: Config): [WrittenFile, string][] {
  const taken = new Map<string, WrittenFile>()
  const shared: [WrittenFile, string][] = []
  for (const key of WRITTEN_FILES) {
    const file = config[key]
    if (file === null) continue
    const other = taken.get(resolve(file))
    if (other === undefined) taken.set(resolve(file), key)
    else shared.push([key, `is the same file as ${other}; use different files`])
  }
  return shared
}

export function nest(values: ReadonlyMap<Key, unknown>): Config {
  const root: Record<string, unknown> = {}
  for (const [key, value] of values) {
    const [head = '', rest] = key.split('.')
    if (rest === undefined) root[head] = value
    else root[head] = { ...(root[head] as object | undefined), [rest]: value }
  }
  return root as Config
}
