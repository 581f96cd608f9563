// The commands that list, inspect and operate units: their part of the table of commands.
import { command } from './command-row.ts'

const MANY = Number.POSITIVE_INFINITY
const ALL = 'Several units are operated at once.'
const WAITS =
  'Waits for the job and tells what became of it; exit code 0 where all is well, 4 without permission, 5 where there is no such unit, else 1.'
const JSON_ROWS = 'With --json a list, alone on stdout: unit, action, outcome, cause, error of each.'

function operation(summary: string, ...text: string[]) {
  return command('UNIT...', 1, MANY, summary, { text: [...text, `${WAITS} ${ALL} ${JSON_ROWS}`] })
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
    ...operation('start units'),
    examples: [['gatewatch start mosquitto', 'start mosquitto.service and see how it ends']],
  },
  stop: operation('stop units'),
  restart: operation('restart units'),
  reload: operation('let units read their configuration again'),
  'reset-failed': operation('forget that units have failed'),
  enable: operation('let units start at boot', 'As its [Install] section says. It is not started now.'),
  disable: operation('no longer start units at boot', 'It is not stopped now.'),
  'daemon-reload': command('', 0, 0, 'let systemd read all unit files again'),
} as const
