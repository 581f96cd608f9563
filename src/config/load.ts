// Finds, reads and merges the configuration of this run; what the outside is made of comes in as arguments.

import type { Env } from '../ports.ts'
import {
  argumentLayer,
  type CommandLine,
  environmentLayer,
  inheritedLayer,
  type Layer,
  type Problem,
  problemOf,
} from './layer.ts'
import { type MergedConfig, mergeLayers } from './merge.ts'
import { type Paths, pathsOf } from './paths.ts'

/** What a run is told from outside. */
interface ProcessContext {
  readonly env: Env
  readonly uid: number
  /** Reads a text file; throws as node:fs does. */
  readonly readText: (path: string) => string
}

export interface LoadedConfig extends MergedConfig {
  /** The configuration file that was read, null where none is there. */
  readonly file: string | null
  readonly paths: Paths
}

/**
 * The configuration as the arguments, the environment and the file say. `file` overrides which one is read. Only a file
 * that nobody named may be missing. Resolves always; read `problems`.
 */
export async function loadConfig(
  args: CommandLine,
  outside: ProcessContext,
  file: string | null = null,
): Promise<LoadedConfig> {
  const { env, uid, readText } = outside
  const paths = pathsOf(args.user, env, uid)
  const named = file ?? args.configFile ?? (env.GATEWATCH_CONFIG || null)
  const path = named ?? paths.configFile
  const read = readFile(path, named !== null, readText)
  const layers: Layer[] = [environmentLayer(env), argumentLayer(args)]
  if (typeof read === 'string') layers.unshift((await import('./jsonc-file.ts')).fileLayer(read, path))
  if (!layers.some(({ entries }) => entries.has('gateway_id'))) layers.unshift(inheritedLayer(env))
  const merged = mergeLayers(layers, paths)
  const problems = typeof read === 'object' && read !== null ? [read, ...merged.problems] : merged.problems
  return { ...merged, problems, paths, file: typeof read === 'string' ? path : null }
}

function readFile(path: string, named: boolean, readText: (path: string) => string): string | Problem | null {
  try {
    return readText(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !named) return null
    return problemOf(path, '', undefined, `cannot be read: ${REASONS[code ?? ''] ?? code ?? String(error)}`, true)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file; 'gatewatch create-config FILE' writes one",
  EACCES: 'permission denied; it must be readable by the user that runs gatewatch',
  EISDIR: 'it is a directory',
}

/** Problems that end a run: all of them in a terminal; as a service only wrong usage and what is no configuration at all. */
export function fatalProblems(loaded: LoadedConfig, asService: boolean): readonly Problem[] {
  return loaded.problems.filter((problem) => !asService || problem.fatal)
}

/** True under systemd. A shell of a desktop inherits INVOCATION_ID too, but its stderr is a terminal. */
export function runsAsService(env: Env, stderrIsTerminal: boolean): boolean {
  return Boolean(env.INVOCATION_ID) && !stderrIsTerminal
}
