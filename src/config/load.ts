// Finds, reads and merges the configuration. The environment, the user id and the file system are arguments.

import { fileReason } from '../core/error-text.ts'
import type { Env } from '../ports.ts'
import {
  argumentLayer,
  type CommandLine,
  environmentLayer,
  inheritedLayer,
  type Layer,
  type Origin,
  type Problem,
  problemOf,
} from './layer.ts'
import { type MergedConfig, mergeLayers } from './merge.ts'
import { type Paths, pathsOf } from './paths.ts'

interface ProcessContext {
  readonly env: Env
  readonly uid: number
  /** Reads a text file; throws as node:fs does. */
  readonly readText: (path: string) => string
}

export interface LoadedConfig extends MergedConfig {
  /** The configuration file that was read; null if there is none. */
  readonly file: string | null
  /** Where the file is, or would be, and where that path comes from. */
  readonly path: string
  readonly pathOrigin: Origin
  /** The text of the file; null if it could not be read. */
  readonly text: string | null
  /** Why the file cannot be used at all; null if it can be used, and if there is none where none is required. */
  readonly lost: Problem | null
  /** A service uses something else in place of the file, which is lost. */
  readonly replaced: boolean
  /** What a person should know, although the configuration has no problem. */
  readonly warnings: readonly string[]
  readonly paths: Paths
}

/** A text that is used in place of the configuration file, and its path for messages. */
export interface StandIn {
  readonly text: string
  readonly path: string
}

/** There is no file, and none is required. */
export function isAbsent({ text, lost, replaced }: LoadedConfig): boolean {
  return text === null && lost === null && !replaced
}

/**
 * Loads the configuration from arguments, environment and file. `file` overrides the path of the file. The file may be
 * missing only if its path is the default. Always resolves; check `problems`.
 */
export async function loadConfig(
  args: CommandLine,
  outside: ProcessContext,
  file: string | null = null,
  standIn: StandIn | null = null,
): Promise<LoadedConfig> {
  const { env, uid, readText } = outside
  const paths = pathsOf(args.user, env, uid)
  const given = file ?? args.configFile
  const path = standIn?.path ?? given ?? (env.GATEWATCH_CONFIG || paths.configFile)
  const pathOrigin = given !== null ? 'command line' : env.GATEWATCH_CONFIG ? 'environment' : 'default'
  const read = standIn?.text ?? readFile(path, pathOrigin, readText)
  const layers: Layer[] = [environmentLayer(env), argumentLayer(args)]
  const text = typeof read === 'string' ? read : null
  const parsed = text === null ? null : (await import('./jsonc-file.ts')).fileLayer(text, path)
  if (parsed !== null) layers.unshift(parsed)
  if (!layers.some(({ entries }) => entries.has('gateway_id'))) layers.unshift(inheritedLayer(env))
  const merged = mergeLayers(layers, paths)
  const unreadable = typeof read === 'string' ? null : read
  return {
    ...merged,
    problems: unreadable === null ? merged.problems : [unreadable, ...merged.problems],
    paths,
    file: text === null ? null : path,
    path,
    pathOrigin,
    text,
    lost: unreadable ?? parsed?.problems.find(({ fatal }) => fatal) ?? null,
    replaced: false,
    warnings: [],
  }
}

function readFile(path: string, pathOrigin: Origin, readText: (path: string) => string): string | Problem | null {
  try {
    return readText(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && pathOrigin === 'default') return null
    return problemOf(
      path,
      '',
      undefined,
      `cannot read the configuration file: ${fileReason(error)}${HINTS[code ?? ''] ?? ''}`,
      { fatal: true, origin: pathOrigin === 'default' ? 'file' : pathOrigin },
    )
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "; create one with 'gatewatch create-config FILE'",
  EACCES: '; the user that runs gatewatch needs read permission',
}

/** Problems that end a run: all of them in a terminal; for a service, which replaces a lost file, only wrong usage. */
export function fatalProblems(loaded: LoadedConfig, asService: boolean): readonly Problem[] {
  return loaded.problems.filter((problem) => !asService || problem.fatal)
}

/**
 * Problems that end a command other than run and check-config: those of its own command line and of the environment, and
 * of a file that these name and that cannot be read. The usual file may have problems: its agent is still there to query.
 */
export function commandProblems({ problems, pathOrigin }: LoadedConfig): readonly Problem[] {
  return problems.filter(({ origin, fatal }) =>
    origin === 'file' ? fatal && pathOrigin !== 'default' : origin !== 'default',
  )
}

/** True for a systemd service. A desktop shell also inherits INVOCATION_ID, but its stderr is a terminal. */
export function runsAsService(env: Env, stderrIsTerminal: boolean): boolean {
  return Boolean(env.INVOCATION_ID) && !stderrIsTerminal
}
