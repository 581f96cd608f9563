// Files that the service cannot write because of its sandbox: found before (check-config) and while it runs.
import { readdirSync, readFileSync } from 'node:fs'
import { WRITTEN_FILES, type WrittenFile } from '../../config/keys.ts'
import { problemOf } from '../../config/layer.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { isOfFormerProgram } from '../../config/paths.ts'
import { fixForService, isWritable, writablePaths } from '../../config/service-files.ts'
import type { Env } from '../../ports.ts'

/** Where systemd looks for unit files, without those of generators; the first has priority (systemd.unit(5)). */
const UNIT_DIRECTORIES = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
]
const UNIT = 'gatewatch.service'
/** Reasons that a sandbox, or a directory that only a drop-in creates, can have. */
const REASONS = /^(EROFS|EACCES|EPERM|ENOENT)/

/** Adds a problem for each file in the configuration that the installed service, or else the shipped one, cannot write. */
export function withServiceFiles(loaded: LoadedConfig): LoadedConfig {
  const { config, paths, origins } = loaded
  if (paths.user) return loaded
  const writable = writablePaths(unitTexts())
  const problems = WRITTEN_FILES.flatMap((key) => {
    const path = config[key]
    const { origin = 'default', place = '' } = origins.get(key) ?? {}
    if (path === null || (origin !== 'file' && origin !== 'environment')) return []
    if (isWritable(path, writable) || (path.startsWith('/dev/') && key !== 'persistence_file')) return []
    if (key === 'persistence_file' && isOfFormerProgram(path)) return [] // the state is elsewhere
    const message = `cannot be written by the service, whose sandbox does not allow it; ${fixForService(key, path)}`
    return [problemOf(`${place}: ${key}`, key, path, message, { origin })]
  })
  return { ...loaded, problems: [...loaded.problems, ...problems] }
}

/** What to add to the message that a file cannot be written: how to allow it to the service. `reason` begins with an errno. */
export function adviceFor(
  key: WrittenFile,
  path: string | null,
  { asService, env }: { readonly asService: boolean; readonly env: Env },
): (reason: string) => string {
  if (!asService || path === null) return () => ''
  const own = [env['STATE_DIRECTORY'], env['LOGS_DIRECTORY']].flatMap((paths) => paths?.split(':') ?? [])
  const isAllowed = isWritable(path, own)
  return (reason) => (REASONS.test(reason) && !isAllowed ? `; ${fixForService(key, path)}` : '')
}

/** The unit file and then its drop-ins. */
function unitTexts(): string[] {
  const files = UNIT_DIRECTORIES.map((directory) => `${directory}/${UNIT}`)
  const unit = files.map(textOf).find((text) => text !== '') ?? ''
  return [unit, ...files.flatMap((file) => dropIns(`${file}.d`)).map(textOf)]
}

function dropIns(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => `${directory}/${name}`)
  } catch {
    return []
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
