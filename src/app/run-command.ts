// `gatewatch run`: loads the configuration, runs the agent, and stops it cleanly on SIGTERM or SIGINT.
import { fstatSync } from 'node:fs'
import { resolve } from 'node:path'
import { seeHelp } from '../cli/commands/help.ts'
import type { Build } from '../cli/commands/version.ts'
import type { Console, ExitCode } from '../cli/console.ts'
import type { Config } from '../config/keys.ts'
import { fatalProblems, type LoadedConfig, runsAsService, type StandIn } from '../config/load.ts'
import { messageOf } from '../core/error-text.ts'
import { openLog, readerOf } from '../log/log.ts'
import { createStderrLines } from '../log/stderr-lines.ts'
import { createLastGoodFile, stateDirectory } from './configuration/last-good-file.ts'
import { keepLastGood, replaceLost } from './configuration/lost-config.ts'
import { adviceFor } from './configuration/service-files.ts'
import { run } from './run.ts'

const OTHER_SIGNAL_WITHIN_MS = 200

/** `load` reads the configuration again, with another text in place of the file if there is one. */
export async function runCommand(
  read: LoadedConfig,
  load: (standIn?: StandIn) => Promise<LoadedConfig>,
  build: Build,
  out: Console,
  uid: number,
): Promise<ExitCode> {
  const isTerminal = process.stderr.isTTY === true
  const asService = runsAsService(process.env, isTerminal)
  const lastGood = createLastGoodFile(stateDirectory(process.env, read.paths), read.path, uid)
  const loaded = asService ? await replaceLost(read, load, lastGood) : read
  const fatal = fatalProblems(loaded, asService)
  if (fatal.length > 0) {
    for (const { text } of fatal) out.error(text)
    if (fatal.some(({ origin }) => origin !== 'file')) out.stderr(seeHelp('run'))
    return 2
  }
  const { dev, ino, isFile } = stderrFile()
  const reader = readerOf(process.env, { isTerminal, isFile, dev, ino })
  const advice = adviceFor('log_file', loaded.config.log_file, { asService, env: process.env })
  const stderr = createStderrLines(process.stderr, 2, (flush) => process.on('exit', flush))
  const logger = openLog(loaded.config, { stderr, reader, now: Date.now, advice })
  for (const note of loaded.notes) logger.log('info', note)
  for (const warning of loaded.warnings) logger.log('warning', `configuration: ${warning}`)
  for (const { text } of loaded.problems) logger.log('error', `configuration: ${text}`)
  const keep = async (one: LoadedConfig) => {
    if (asService) await keepLastGood(one, load, lastGood, logger.log)
  }
  try {
    const signalled = stopSignal()
    let isStopping = false
    void signalled.then(() => {
      isStopping = true
    })
    const running = run({ loaded, build, logger, env: process.env, uid, asService })
    const started = running.then(() => keep(loaded))
    // From the first moment on: without a listener, SIGHUP ends the process.
    let reloading: Promise<unknown> = started.catch(() => {})
    process.on('SIGHUP', () => {
      reloading = reloading
        .then(async () => {
          const next = await load()
          await (await running).reload(next)
          await keep(next)
        })
        .catch((error: Error) => {
          logger.log('error', `reload failed: ${error.message}`)
        })
    })
    // While the process was stopped, the bus may have dropped signals. Before the start has ended, all is read anyway.
    // systemd sends SIGCONT after each SIGTERM, too. On a busy device both are pending, and SIGTERM can be seen last.
    process.on('SIGCONT', () => {
      const continued = async () => (isStopping ? null : (await running.catch(() => null))?.continued())
      setTimeout(continued, OTHER_SIGNAL_WITHIN_MS)
    })
    const { metricsUrl } = await running
    if (isTerminal) for (const line of overviewOf(loaded.config, metricsUrl)) out.stderr(`${line}\n`)
    await started
    logger.log('info', `${await signalled}: stopping`)
    await (await running).stop()
    return 0
  } catch (error) {
    logger.log('error', messageOf(error))
    return 1
  } finally {
    await logger.stop()
  }
}

/** For a person at a terminal who sees nothing of the log, because it goes to a file. */
function overviewOf({ log_file, monitored_services }: Config, metricsUrl: string | null): string[] {
  if (log_file === null) return []
  const lines = [`watching ${monitored_services.join(', ')}`, `logging to ${resolve(log_file)}`]
  return metricsUrl === null ? lines : [...lines, `metrics at ${metricsUrl}`]
}

/** Resolves with the first SIGTERM or SIGINT; a second one exits at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let stopping = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(1)
        stopping = true
        resolve(signal)
      })
    }
  })
}

function stderrFile(): { dev: number; ino: number; isFile: boolean } {
  try {
    const stat = fstatSync(2)
    return { dev: stat.dev, ino: stat.ino, isFile: stat.isFile() }
  } catch {
    return { dev: 0, ino: 0, isFile: false }
  }
}
