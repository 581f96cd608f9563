// The log: levels, text or JSON, stderr or a rotating file; says each thing once and never throws.

import pc from 'picocolors'
import type { Env, Level, Log } from '../ports.ts'
import { oneLine, prefixed, stamp } from './lines.ts'
import { rotatingFile } from './rotating-file.ts'

export { logSink } from './event-sink.ts'
export { eventsFile } from './events-file.ts'

export interface LogSettings {
  readonly log_file: string | null
  readonly log_max_bytes: number
  readonly log_backups: number
  readonly log_format: 'text' | 'json'
  readonly debug: boolean
}

export interface Logger {
  readonly log: Log
  readonly format: 'text' | 'json'
  /** Writes an object as it is, one line of JSON: an event. For `format` json. */
  readonly record: (level: Level, object: Readonly<Record<string, unknown>>) => void
  /** Lines lost because the log file could not be written. */
  readonly dropped: () => number
  /** Writes what waits and closes the file. */
  readonly stop: () => Promise<void>
}

export interface LogOutside {
  /** Writes to stderr; must not throw. */
  readonly stderr: (text: string) => void
  /** What reads stderr: systemd's journal, a person, or something else. */
  readonly reader: 'journal' | 'terminal' | 'other'
  /** Wall time in ms. */
  readonly now: () => number
}

export function openLog(settings: LogSettings, outside: LogOutside): Logger {
  const { log_format: format, debug } = settings
  const { stderr, reader, now } = outside
  const colors = pc.createColors(reader === 'terminal')
  let fileFails = false

  const toStderr = (level: Level, text: string) => {
    const line = format === 'json' ? text : reader === 'journal' ? text : `${stamp(now())} - ${text}`
    stderr(`${reader === 'journal' ? prefixed(level, line) : paint(colors, level, line, format)}\n`)
  }
  const file =
    settings.log_file === null
      ? null
      : rotatingFile({
          path: settings.log_file,
          maxBytes: settings.log_max_bytes,
          backups: settings.log_backups,
          onProblem: (problem) => {
            fileFails = problem !== null
            const what = fileFails ? `lost (${problem}), the log goes to stderr` : 'back'
            write(fileFails ? 'error' : 'info', `log file ${settings.log_file}: ${what}`, {}, true)
          },
        })

  const put = (level: Level, text: string, both = false) => {
    if (file === null || fileFails || both) toStderr(level, text)
    if (file !== null && !both) file.append(format === 'json' ? text : `${stamp(now())} - ${text}`)
  }
  const write = (level: Level, message: string, fields: Readonly<Record<string, unknown>> = {}, both = false) => {
    if (level === 'debug' && !debug) return
    if (format === 'text') put(level, `[${level.toUpperCase()}] ${oneLine(message)}`, both)
    else put(level, json({ timestamp: new Date(now()).toISOString(), level, message, ...fields }), both)
  }
  return {
    log: (level, message, fields) => write(level, message, fields),
    format,
    record: (level, object) => put(level, json(object)),
    dropped: () => file?.dropped() ?? 0,
    stop: async () => file?.stop(),
  }
}

/** What reads stderr; a terminal that wants no colours (NO_COLOR) is like any other. systemd sets JOURNAL_STREAM to the device and inode of the stream that is the journal (systemd.exec(5)). */
export function readerOf(
  env: Env,
  stderr: { readonly isTerminal: boolean; readonly isFile: boolean; readonly dev: number; readonly ino: number },
): LogOutside['reader'] {
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

/** An object that cannot be JSON (a cycle, a BigInt) must not end the program. */
function json(object: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(object)
  } catch (error) {
    return JSON.stringify({ level: 'error', message: `log: cannot write as JSON: ${String(error)}` })
  }
}
