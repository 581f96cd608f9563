// The commands that list, inspect and operate units: their part of the table of commands.
import { command } from './command-row.ts'
import { RESTARTS } from './unit-file.ts'

const UNLIMITED = Number.POSITIVE_INFINITY
const WAITS_FOR_JOB = 'Waits for the job and tells what became of it.'
const RESULT_TEXT =
  'Several units are operated at once. Exit code 0 where all is well, 4 without permission, 5 where there is no such unit, else 1. With --json a list, alone on stdout: unit, action, outcome, cause, error of each.'

function operation(summary: string, what: string) {
  return command('UNIT...', 1, UNLIMITED, summary, { text: [what, RESULT_TEXT] })
}

export const UNIT_COMMANDS = {
  list: command('', 0, 0, 'list the units that systemd knows', {
    examples: [['gatewatch list --failed', 'those that have failed']],
  }),
  show: command('UNIT', 1, 1, 'show one unit in detail', {
    text: [
      'State, since when, cause of its last end, counters where the agent watches it, memory, CPU, tasks, commands, working directory, names of its environment variables, drop-ins, dependencies both ways. With --json also every property without a structure.',
    ],
  }),
  start: {
    ...operation('start units', WAITS_FOR_JOB),
    examples: [['gatewatch start mosquitto', 'start mosquitto.service and see how it ends']],
  },
  stop: operation('stop units', WAITS_FOR_JOB),
  restart: operation('restart units', WAITS_FOR_JOB),
  reload: operation('let units read their configuration again', WAITS_FOR_JOB),
  'reset-failed': operation('forget that units have failed', 'Their start limits begin anew as well.'),
  enable: operation('let units start at boot', 'As its [Install] section says. It is not started now.'),
  disable: operation('no longer start units at boot', 'It is not stopped now.'),
  'create-unit': command('NAME [OPTION...] -- COMMAND...', 2, UNLIMITED, 'make a service of a command', {
    text: [
      'Writes a unit file, lets systemd read it, enables and starts it. Whatever the words of the command hold reaches the program as it is. What exists is never overwritten; --dry-run shows the file and changes nothing.',
      'With --watch the unit is added to monitored_services, and a running agent takes that over.',
    ],
    examples: [
      ['gatewatch create-unit blink --run-as nobody -- /usr/bin/blink --every 5', 'a service that blinks'],
      ['gatewatch create-unit blink --dry-run -- blink', 'see the file first'],
    ],
  }),
  'remove-unit': command('NAME', 1, 1, 'take away what create-unit made', {
    text: ['Stops and disables it, removes its file and its place in monitored_services. Other units are left alone.'],
  }),
  'daemon-reload': command('', 0, 0, 'let systemd read all unit files again'),
} as const

const CREATES = ['create-unit'] as const

/** The options of create-unit. */
export const CREATE_OPTIONS = {
  description: {
    long: '--description',
    value: 'TEXT',
    help: 'What it is; its command unless told.',
    commands: CREATES,
  },
  runAs: { long: '--run-as', value: 'USER', help: 'The user that it runs as.', commands: CREATES },
  workingDirectory: { long: '--working-directory', value: 'DIR', help: 'Where it runs.', commands: CREATES },
  environmentFile: {
    long: '--environment-file',
    value: 'FILE',
    help: 'A file of VARIABLE=VALUE lines.',
    commands: CREATES,
  },
  restart: {
    long: '--restart',
    value: 'WHEN',
    help: `When systemd starts it again: ${RESTARTS.join(', ')}. Default: on-failure.`,
    commands: CREATES,
  },
  memoryMax: { long: '--memory-max', value: 'SIZE', help: 'The most memory it may take: 64M.', commands: CREATES },
  dryRun: { long: '--dry-run', help: 'Show the unit file and change nothing.', commands: CREATES },
  watch: { long: '--watch', help: 'Add it to the watched units.', commands: CREATES },
} as const
