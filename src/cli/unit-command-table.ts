// The rows of the table of commands for listing, inspecting, controlling and creating units.
import type { Key } from '../config/keys.ts'
import { command } from './command-row.ts'
import { RESTARTS } from './unit-file.ts'

/** The options that select systemd, and how to reach it. */
const CONTROL_KEYS: readonly Key[] = ['backend', 'timeout', 'bus']
const UNLIMITED = Number.POSITIVE_INFINITY
const WAITS_FOR_JOB = 'Waits for the job and reports its result.'
const RESULT_TEXT =
  'Several units are processed in parallel. The exit code is 0 on success, 4 if permission was denied, 5 if a unit does not exist, otherwise 1. With --json, stdout contains a list with unit, action, outcome, cause and error of each unit.'

function operation(summary: string, what: string) {
  return command('UNIT...', 1, UNLIMITED, summary, { keys: CONTROL_KEYS, text: [what, RESULT_TEXT] })
}

export const UNIT_COMMANDS = {
  list: command('', 0, 0, 'list the units that systemd has loaded', {
    keys: CONTROL_KEYS,
    examples: [['gatewatch list --failed', 'list the failed units']],
  }),
  show: command('UNIT', 1, 1, 'show one unit in detail', {
    keys: [...CONTROL_KEYS, 'socket'],
    text: [
      'Shows the state and its age, why the last run ended, the counters if the agent watches the unit, memory, CPU, tasks, commands, working directory, names of environment variables, drop-ins, and dependencies in both directions. With --json also all properties with a simple value.',
    ],
  }),
  explain: command('UNIT|EVENT-ID', 1, 1, 'explain why a unit crashed, stopped or does not run', {
    keys: [...CONTROL_KEYS, 'socket', 'persistence_file'],
    text: [
      'Prints a few sentences: what happened, why as far as it is proven, what is not known, what systemd will do next, and what you can do. Then come the events of all watched units in the minute before, the frames of a core dump, and the last log lines of the run. Of a unit that runs, it explains the last crash. The id of an event is in the output of events --json.',
      'Core dumps, out-of-memory kills, status texts and log lines need explain to be true in the configuration, and the group systemd-journal. If the agent is not running, reads the state file and queries systemd directly, and reports this. Exits with code 5 if there is no such unit. With --json, stdout contains the object of /api/v1/units/UNIT/explain: service, event, sentences, timeline, timeline_left_out, frames and log.',
    ],
    examples: [['gatewatch explain mosquitto', 'explain the state of mosquitto.service']],
  }),
  start: {
    ...operation('start units', WAITS_FOR_JOB),
    examples: [['gatewatch start mosquitto', 'start mosquitto.service and report the result']],
  },
  stop: operation('stop units', WAITS_FOR_JOB),
  restart: operation('restart units', WAITS_FOR_JOB),
  reload: operation("reload units' configuration", WAITS_FOR_JOB),
  'reset-failed': operation('clear the failed state', 'Also resets the start limit of the units.'),
  enable: operation(
    'enable starting at boot',
    'Applies the [Install] section of the unit file. Does not start the unit now.',
  ),
  disable: operation('disable starting at boot', 'Does not stop the unit now.'),
  'create-unit': command('NAME [OPTION...] -- COMMAND...', 2, UNLIMITED, 'create a service from a command', {
    keys: CONTROL_KEYS,
    text: [
      'Writes a unit file, reloads systemd, then enables and starts the unit. The arguments of the command are quoted, so that the program receives them unchanged. An existing unit is never overwritten. --dry-run prints the unit file and changes nothing.',
      'With --watch, the unit is added to monitored_services, and a running agent reloads its configuration.',
    ],
    examples: [
      ['gatewatch create-unit blink --run-as daemon -- /usr/bin/blink --every 5', 'create and start a service'],
      ['gatewatch create-unit blink --dry-run -- blink', 'show the unit file only'],
    ],
  }),
  'remove-unit': command('NAME', 1, 1, 'remove a unit made by create-unit', {
    keys: CONTROL_KEYS,
    text: [
      'Stops and disables the unit, deletes its unit file and removes it from monitored_services. Refuses to remove a unit that create-unit did not make.',
    ],
  }),
  'daemon-reload': command('', 0, 0, 'reload all unit files', { keys: CONTROL_KEYS }),
} as const

const CREATES = ['create-unit'] as const

/** The options of create-unit. */
export const CREATE_OPTIONS = {
  description: {
    long: '--description',
    value: 'TEXT',
    help: 'Description of the unit. Default: the command.',
    commands: CREATES,
  },
  runAs: { long: '--run-as', value: 'USER', help: 'User that the service runs as.', commands: CREATES },
  workingDirectory: {
    long: '--working-directory',
    value: 'DIR',
    help: 'Working directory of the service.',
    commands: CREATES,
  },
  environmentFile: {
    long: '--environment-file',
    value: 'FILE',
    help: 'File with VARIABLE=VALUE lines.',
    commands: CREATES,
  },
  restart: {
    long: '--restart',
    value: 'WHEN',
    help: `When systemd restarts the service: ${RESTARTS.join(', ')}. Default: on-failure.`,
    commands: CREATES,
  },
  memoryMax: { long: '--memory-max', value: 'SIZE', help: 'Memory limit, such as 64M.', commands: CREATES },
  dryRun: {
    long: '--dry-run',
    help: 'Change nothing, only print the unit file or the topics.',
    commands: ['create-unit', 'mqtt-clear'] as const,
  },
  watch: { long: '--watch', help: 'Add the unit to the watched units.', commands: CREATES },
} as const
