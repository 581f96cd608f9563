// The agent's log: levels, text or JSON, to stderr or to a rotating file. Never throws.

import pc from 'picocolors'
import { oneLine } from '../core/views/format.ts'
import type { Env, Level, Log } from '../ports.ts'
import { prefixed, stamp } from './lines.ts'
import { openRotatingFile } from './rotating-file.ts'

export interface LogSettings {
  readonly log_file: string | null
  readonly log_max_bytes: number
  readonly log_backups: number
  readonly log_format: 'text' | 'json'
  readonly debug: boolean
}

export interface Logger {
  readonly log: Log
  readonly format: () => 'text' | 'json'
  /** Writes an object as it is, one line of JSON: an event. For `format` json. */
  readonly record: (level: Level, object: Readonly<Record<string, unknown>>) => void
  /** Applies other settings from the next line on; only another `log_file` needs a restart. */
  readonly configure: (settings: Omit<LogSettings, 'log_file'>) => void
  /** Lines that the log file lacks because it could not be written; they went to stderr. */
  readonly dropped: () => number
  /** Why the log file cannot be written, one sentence; null while it can, or without one. */
  readonly problem: () => string | null
  /** Opens the log file once more: logrotate(8) may have moved it away. */
  readonly reopen: () => void
  /** Empties the log file; rejects if it cannot. */
  readonly clear: () => Promise<void>
  /** Writes the queued lines and closes the file. */
  readonly stop: () => Promise<void>
}

export interface LogOutput {
  /** Writes to stderr; must not throw. */
  readonly stderr: (text: string) => void
  /** What reads stderr: systemd's journal, a person, or something else. */
  readonly reader: 'journal' | 'terminal' | 'other'
  /** Wall time in ms. */
  readonly now: () => number
  /** What to add to the message that the log file cannot be written: what to do; empty for nothing. */
  readonly advice?: (reason: string) => string
}

export function openLog({ log_file: path, ...initial }: LogSettings, output: LogOutput): Logger {
  const { stderr, reader, now, advice = () => '' } = output
  const colors = pc.createColors(reader === 'terminal')
  let settings: Omit<LogSettings, 'log_file'> = initial

  const toStderr = (level: Level, text: string) => {
    const line = settings.log_format === 'json' || reader === 'journal' ? text : `${stamp(now())} - ${text}`
    stderr(`${reader === 'journal' ? prefixed(level, line) : paint(colors, level, line, settings.log_format)}\n`)
  }
  /** One line of the log in the format in use. */
  const lineOf = (level: Level, message: string, fields: Readonly<Record<string, unknown>>): string =>
    settings.log_format === 'text'
      ? `[${level.toUpperCase()}] ${oneLine(message)}`
      : json({ timestamp: new Date(now()).toISOString(), level, message, ...fields })

  const cannotWrite = (reason: string) => `cannot write log file ${path} (${reason})`
  const file =
    path === null
      ? null
      : openRotatingFile({
          path,
          limits: () => ({ maxBytes: settings.log_max_bytes, backups: settings.log_backups }),
          onProblem(problem) {
            const level = problem === null ? 'info' : 'error'
            const message =
              problem === null
                ? `log file ${path} can be written again`
                : `${cannotWrite(problem)}; logging to stderr until it can be written again${advice(problem)}`
            toStderr(level, lineOf(level, message, {}))
          },
        })

  const put = (level: Level, text: string) => {
    if (file === null) toStderr(level, text)
    else file.append(settings.log_format === 'json' ? text : `${stamp(now())} - ${text}`, () => toStderr(level, text))
  }
  return {
    log(level, message, fields = {}) {
      if (level !== 'debug' || settings.debug) put(level, lineOf(level, message, fields))
    },
    format: () => settings.log_format,
    record: (level, object) => put(level, json(object)),
    configure(next) {
      settings = next
    },
    dropped: () => file?.dropped() ?? 0,
    problem() {
      const reason = file?.problem() ?? null
      return reason && cannotWrite(reason) + advice(reason)
    },
    reopen: () => file?.reopen(),
    clear: async () => file?.clear(),
    stop: async () => file?.stop(),
  }
}

/**
 * What reads stderr. With NO_COLOR a terminal is like any other reader. systemd sets JOURNAL_STREAM to the device and
 * inode of the stream that goes to the journal (systemd.exec(5)).
 */
export function readerOf(
  env: Env,
  stderr: { readonly isTerminal: boolean; readonly isFile: boolean; readonly dev: number; readonly ino: number },
): LogOutput['reader'] {
  if (stderr.isTerminal) return env.NO_COLOR ? 'other' : 'terminal'
  if (env.JOURNAL_STREAM === `${stderr.dev}:${stderr.ino}`) return 'journal'
  return env.INVOCATION_ID && !stderr.isFile ? 'journal' : 'other'
}

function paint(
  colors: ReturnType<typeof pc.createColors>,
  level: Level,
  line: string,
  format: 'text' | 'json',
): string {
  if (format === 'json' || level === 'info') return line
  return level === 'error' ? colors.red(line) : level === 'warning' ? colors.yellow(line) : colors.dim(line)
}

/** Never throws: an object that cannot be written as JSON (a cycle, a BigInt) becomes an error line. */
function json(object: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(object)
  } catch (error) {
    return JSON.stringify({ level: 'error', message: `log: cannot write this line as JSON: ${String(error)}` })
  }
}
