// The configuration keys of the log and of the events file.
import { key } from './key-row.ts'
import { path } from './text-types.ts'
import { bool, integer, oneOf, orNone } from './value-types.ts'

const MIB = 1_048_576

export const LOG_KEYS = {
  log_file: key(orNone(path), null, {
    applies: 'restart',
    help: 'Log to this file instead of stderr; the file is rotated.',
    defaultText: 'stderr, for the journal',
    flags: [{ long: '--log-file', short: '-l', value: 'FILE' }],
  }),
  log_max_bytes: key(integer(1024, 1024 * MIB), MIB, {
    applies: 'now',
    help: 'Size at which the log file is rotated.',
    unit: 'bytes',
  }),
  log_backups: key(integer(0, 100), 3, { applies: 'now', help: 'Number of rotated log files to keep.' }),
  log_format: key(oneOf('text', 'json'), 'text', {
    applies: 'now',
    help: 'Log format: lines of text, or one JSON object per line.',
    flags: [{ long: '--log-format', value: 'text|json' }],
  }),
  debug: key(bool, false, {
    applies: 'now',
    help: 'Log debug messages.',
    flags: [{ long: '--debug', sets: true }],
  }),
  events_file: key(orNone(path), null, {
    applies: 'restart',
    help: 'Append every event to this file as JSON Lines; the file is rotated.',
    defaultText: 'none',
  }),
  events_max_bytes: key(integer(1024, 1024 * MIB), 10 * MIB, {
    applies: 'now',
    help: 'Size at which the events file is rotated.',
    unit: 'bytes',
  }),
  events_backup_count: key(integer(0, 100), 5, { applies: 'now', help: 'Number of rotated events files to keep.' }),
} as const
