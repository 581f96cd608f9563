// The entry point: parses the command line, runs the command and sets the exit code.
import { resolve } from 'node:path'
import { failureAsExitCode } from './cli/agent-or-file.ts'
import { type Arguments, commandIn, parseArguments } from './cli/args.ts'
import { help, seeHelp } from './cli/commands/help.ts'
import { type EmbeddedNode, version } from './cli/commands/version.ts'
import type { Shell } from './cli/completion/candidates.ts'
import {
  type Console,
  commandLog,
  type ExitCode,
  type Sources,
  safeOutput,
  wantsColor,
  writerTo,
} from './cli/console.ts'
import { CONFIGURED } from './cli/flags.ts'
import { UsageError } from './cli/usage-error.ts'
import type { Key } from './config/keys.ts'
import type { LoadedConfig, StandIn } from './config/load.ts'
import { readTextFile } from './config/text-file.ts'
import { fileReason, stackOf } from './core/error-text.ts'
import { limitV8Memory } from './host/v8-flags.ts'

declare const __VERSION__: string
declare const __REVISION__: string
declare const __TARGET__: string
declare const __NODE__: EmbeddedNode | null

const node = typeof __NODE__ === 'undefined' ? null : __NODE__
const BUILD = {
  version: __VERSION__,
  revision: __REVISION__,
  node_version: process.versions.node,
  target: typeof __TARGET__ === 'string' ? __TARGET__ : 'script',
  node_supported_until: node?.supported_until ?? null,
  node_sha256: node?.sha256 ?? null,
  node_end_of_life_allowed: node?.end_of_life_allowed ?? false,
}
const uid = process.getuid?.() ?? 0

// If the reader of stdout exits, a command has nothing left to do. The agent, which writes to stderr, continues.
const color = wantsColor(process.env, process.stdout.isTTY === true)
const out: Console = {
  ...safeOutput(
    writerTo(process.stdout, stdoutFailed),
    writerTo(process.stderr, () => {}),
    { stdout: color, stderr: wantsColor(process.env, process.stderr.isTTY === true) },
  ),
  columns: process.stdout.isTTY ? process.stdout.columns : null,
  color,
  now: Date.now,
}

function stdoutFailed(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(0)
  out.error(`cannot write the output: ${fileReason(error)}`)
  process.exit(1)
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  const args = parseArguments(argv)
  if ('problem' in args) throw new UsageError(args.problem)
  switch (args.command) {
    case 'help':
      return help(args.operands[0], args.operands.length === 0 ? await load(args) : null, out)
    case 'version':
      return version(BUILD, args.json, out)
    case 'completion':
      return (await import('./cli/commands/completion.ts')).completion(args.operands[0] as Shell, out)
    case 'create-config': {
      const { pathsOf } = await import('./config/paths.ts')
      const { createConfig } = await import('./cli/commands/create-config.ts')
      const paths = pathsOf(args.user, process.env, uid)
      return failureAsExitCode(out, async () => createConfig(args.operands[0] ?? paths.configFile, paths, out))
    }
    case 'format':
      return formatPartition(args.operands[0] ?? '', args.yes)
    default:
      return runConfigured(args, args.command)
  }
}

type ConfiguredCommand = Exclude<Arguments['command'], 'help' | 'version' | 'completion' | 'create-config' | 'format'>

function formatPartition(device: string, yes: boolean): Promise<ExitCode> {
  return failureAsExitCode(out, async () => {
    const { format } = await import('./cli/commands/format.ts')
    const { confirmOnTerminal } = await import('./cli/confirm.ts')
    const { preparePartition } = await import('./store/prepare-partition.ts')
    const { freshState } = await import('./app/offline-state.ts')
    const prepare = (at: string) => preparePartition(at, freshState())
    const confirm = process.stdin.isTTY ? confirmOnTerminal : null
    return format({ device, yes }, { prepare, confirm }, out)
  })
}

async function load(args: Arguments, file: string | null = null, standIn?: StandIn): Promise<LoadedConfig> {
  const { loadConfig } = await import('./config/load.ts')
  return loadConfig(args, { env: process.env, uid, readText: readTextFile }, file, standIn)
}

/** The commands that need the configuration, at least for the paths of socket and state file. */
async function runConfigured(args: Arguments, command: ConfiguredCommand): Promise<ExitCode> {
  const { commandProblems } = await import('./config/load.ts')
  const file = command === 'check-config' ? (args.operands[0] ?? null) : null
  const loadAgain = (standIn?: StandIn) => load(args, file, standIn)
  const loaded = await loadAgain()
  const wrong = CONFIGURED.includes(command) ? [] : commandProblems(loaded)
  if (wrong.length > 0) throw new UsageError(...wrong.map(({ text }) => text))
  switch (command) {
    case 'run':
      limitV8Memory()
      return (await import('./app/run-command.ts')).runCommand(loaded, loadAgain, BUILD, out, uid)
    case 'check-config': {
      const { checkConfig } = await import('./cli/commands/check-config.ts')
      const { queryUnmatchedPatterns } = await import('./app/query-patterns.ts')
      const unmatched = await queryUnmatchedPatterns(loaded.config)
      const { withServiceFiles } = await import('./app/configuration/service-files.ts')
      return checkConfig(withServiceFiles(await withPartProblems(loaded)), unmatched, args.json, out)
    }
    case 'status':
      return withSources(loaded, async (from) =>
        (await import('./cli/commands/status.ts')).status(args.json, from, out),
      )
    case 'events':
      return withSources(loaded, async (from) =>
        (await import('./cli/commands/events.ts')).events(args, from, out, untilInterrupted()),
      )
    case 'system':
      return withSources(loaded, async (from) => {
        const directly = async () => (await import('./app/query-system.ts')).querySystem(loaded.config)
        return (await import('./cli/commands/system.ts')).system(args.json, from, directly, out)
      })
    case 'explain':
      return withSources(loaded, async (from) => {
        const request = { subject: args.operands[0] ?? '', json: args.json }
        return (await import('./app/explain/run-explain.ts')).runExplain(request, loaded, from, out, {
          env: process.env,
          uid,
        })
      })
    case 'list':
    case 'show':
    case 'daemon-reload':
    case 'start':
    case 'stop':
    case 'restart':
    case 'reload':
    case 'reset-failed':
    case 'enable':
    case 'disable':
    case 'create-unit':
    case 'remove-unit':
      return (await import('./app/unit-cli.ts')).runUnitCommand(
        { args: { ...args, command }, loaded, out, env: process.env },
        uid,
      )
    case 'clear':
      return withSources(loaded, async (from) => {
        const { log_file: log } = loaded.config
        const logFile = args.overrides.has('log_file') && log !== null ? resolve(log) : null
        return (await import('./cli/commands/clear.ts')).clear({ keepEvents: args.keepEvents, logFile }, from, out)
      })
    case 'mqtt-clear':
      return withSources(loaded, async (from) => {
        const named = args.overrides.has('gateway_id')
        const request = { all: args.all, dryRun: args.unitSettings.dryRun, named }
        return (await import('./app/mqtt-clear.ts')).runMqttClear(request, loaded, from, out)
      })
    case 'dump':
      return withSources(loaded, async ({ stateFile }) => {
        return (await import('./cli/commands/dump.ts')).dump(args.operands[0] ?? stateFile.path, stateFile, out)
      })
    case 'import':
      return withSources(loaded, async (from) => {
        return (await import('./cli/commands/import.ts')).importFile(args.operands[0] ?? '', readTextFile, from, out)
      })
  }
}

/** Adds the problems that only the parts themselves find: those of web_config_file and of the selectors. */
async function withPartProblems(loaded: LoadedConfig): Promise<LoadedConfig> {
  const { web_config_file: webFile, remote_write } = loaded.config
  const found: [Key, string | null][] = []
  if (webFile !== null)
    found.push(['web_config_file', (await import('./http/access/web-config-file.ts')).webConfigProblem(webFile)])
  const { selectorProblem } = await import('./metrics/federate/selection.ts')
  for (const selector of remote_write.match) found.push(['remote_write.match', await selectorProblem([selector])])
  const { problemOf } = await import('./config/layer.ts')
  const problems = found.flatMap(([key, text]) => {
    if (text === null) return []
    const { place = '', origin = 'default' } = loaded.origins.get(key) ?? {}
    return [problemOf(`${place}: ${key}`, key, undefined, text, { origin })]
  })
  return { ...loaded, problems: [...loaded.problems, ...problems] }
}

/** Runs a command that queries the agent, or reads the state file if the agent is not running. */
function withSources(loaded: LoadedConfig, command: (sources: Sources) => Promise<ExitCode>): Promise<ExitCode> {
  return failureAsExitCode(out, async () => {
    const { clientOf } = await import('./cli/agent-client.ts')
    const { stateFileOf } = await import('./app/offline-state.ts')
    const stateFile = stateFileOf(loaded, process.env, uid, commandLog(out))
    return command({ client: clientOf(loaded.config.socket), stateFile })
  })
}

/** `until` aborts on SIGINT or SIGTERM, and `pause` returns early then. */
function untilInterrupted() {
  const enough = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort())
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      enough.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  return { until: enough.signal, pause }
}

const argv = process.argv.slice(2)
main(argv).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    const isUsage = error instanceof UsageError
    for (const line of isUsage ? error.problems : stackOf(error).split('\n')) out.error(line)
    if (isUsage) out.stderr(seeHelp(commandIn(argv)))
    process.exitCode = isUsage ? 2 : 1
  },
)
