// The table of commands, and of the options that are no configuration: what help, man page, completion and parsing share.
import { ACTIONS } from '../core/command.ts'
import { type CommandRow, command } from './command-row.ts'
import { CREATE_OPTIONS, UNIT_COMMANDS } from './unit-command-table.ts'

export type { CommandRow }

const OFFLINE = 'It asks the running agent over its local socket; where none runs it reads the state file and says so.'

export const COMMANDS = {
  run: command('', 0, 0, 'watch the units (the default command)', {
    text: [
      'Watches the configured units over D-Bus, counts their starts, stops, crashes and restarts exactly, keeps the counts over restarts and power cuts, and serves them.',
      'SIGTERM and SIGINT stop it in order; a second one ends it at once. SIGHUP reads the configuration again: a bad file keeps the old configuration.',
      'As a service of systemd an unknown key or a wrong value does not end it: it is logged, the default is used, and /-/ready shows it. In a terminal every such thing is fatal.',
    ],
    examples: [
      ['gatewatch', 'watch the twelve services of a Wirepas gateway'],
      ['gatewatch --services mosquitto devmgmt --prometheus-port 9200', 'watch two services'],
      [
        'gatewatch --user --mqtt mqtt://192.168.1.5 -p ./state.ring',
        "watch the user's own systemd, publish to a broker",
      ],
    ],
  }),
  status: command('', 0, 0, 'show the watched units and the health of the agent', {
    text: [
      `A table: state, since when, starts, stops, crashes, restarts and the cause of the last crash. ${OFFLINE}`,
      'With --json one object, alone on stdout: agent_running, gateway_id, machine_id, boot_id, stream, state and units; of a running agent also version, started_at, bus and not_ready. Of each unit: service, load_state, active_state, sub_state, missing, since, running, invocation_id, flapping, gave_up, counters, baseline, failures, last_crash. Names that are there stay; new ones may come.',
    ],
    examples: [['gatewatch status --json | jq .units[].service', 'names of the watched units']],
  }),
  events: command('', 0, 0, 'show recent events, or follow them', {
    text: [
      `The newest events, oldest first. ${OFFLINE}`,
      'With --json each event is one line: the same object as in MQTT and in /api/v1/events.',
    ],
    examples: [
      ['gatewatch events --kind crash --limit 5', 'the last five crashes'],
      ['gatewatch events --follow --unit mosquitto', 'what happens to mosquitto.service from now on'],
    ],
  }),
  system: command('', 0, 0, 'show systemd as a whole: its state, failed units, jobs and boot times', {
    text: [
      'The state of systemd, units that failed (watched or not), the queue of jobs, how long each stage of booting took, and how full the gateway is. Asks the running agent, and systemd itself where none runs.',
    ],
    examples: [['gatewatch system --json | jq .failed[]', 'names of the units that failed']],
  }),
  ...UNIT_COMMANDS,
  'check-config': command('[FILE]', 0, 1, 'check a configuration and show where each value comes from', {
    text: ['Strict, whatever it runs under: exit code 2 and one line for each problem. Secrets are masked.'],
    examples: [['gatewatch check-config ./config.json', 'check a file before it is installed']],
  }),
  'create-config': command('[FILE]', 0, 1, 'write a configuration file with every key, its default and what it means', {
    text: [
      'Without FILE the file that --config names, or the usual one. An existing file is never overwritten. "-" writes to stdout.',
    ],
    examples: [['gatewatch create-config - | less', 'read about every key']],
  }),
  import: command('FILE', 1, 1, 'take over the counters of a service_states.json of the former program', {
    text: [
      'The counters become a baseline, added to what is counted from now on. The former program booked each crash as a stop too: crashes are subtracted from the stops. FILE is left untouched. Importing again replaces the baseline.',
    ],
    examples: [['gatewatch import /var/lib/service_monitor/service_states.json', 'take over the counts']],
  }),
  clear: command('', 0, 0, 'set all counters to zero', {
    text: [
      'A unit that is running counts one start. The gateway keeps its identity, and the sequence of events goes on.',
    ],
  }),
  dump: command('[FILE]', 0, 1, 'show what a state file holds, as JSON', {
    text: ['Without FILE the configured state file. The file is only read; the agent may be running.'],
    examples: [['gatewatch dump ./state.ring', 'look into a file from another gateway']],
  }),
  version: command('', 0, 0, 'show the version'),
  help: command('[COMMAND]', 0, 1, 'show how gatewatch, or one command, is used'),
  completion: command('bash', 1, 1, 'print the completion script for a shell', {
    examples: [['gatewatch completion bash > /etc/bash_completion.d/gatewatch', 'install it']],
  }),
} as const satisfies Record<string, CommandRow>

export type Command = keyof typeof COMMANDS
export const COMMAND_NAMES = Object.keys(COMMANDS) as Command[]

/** It asks systemd, not the agent. */
export function isUnitCommand(command: Command): command is keyof typeof UNIT_COMMANDS {
  return Object.hasOwn(UNIT_COMMANDS, command)
}

export function isCommand(word: string): word is Command {
  return Object.hasOwn(COMMANDS, word)
}

interface OptionRow {
  readonly long: `--${string}`
  readonly short?: `-${string}`
  readonly value?: string
  readonly help: string
  /** The only commands that it belongs to; all where absent. */
  readonly commands?: readonly Command[]
  /** The command that it stands for, as in the former program. */
  readonly actsAs?: Command
}

export const OPERATIONS = ACTIONS satisfies readonly Command[]

export const OPTIONS = {
  config: { long: '--config', value: 'FILE', help: 'Configuration file (environment: GATEWATCH_CONFIG).' },
  user: { long: '--user', help: "The user's own systemd, with the XDG directories and any free port." },
  json: {
    long: '--json',
    help: 'JSON on stdout, for programs.',
    commands: [
      ...(['status', 'events', 'system', 'check-config', 'dump', 'version', 'list', 'show'] as const),
      ...OPERATIONS,
    ],
  },
  failed: { long: '--failed', help: 'Only units that have failed.', commands: ['list'] },
  noBlock: {
    long: '--no-block',
    help: 'Do not wait for the job.',
    commands: ['start', 'stop', 'restart', 'reload'],
  },
  ...CREATE_OPTIONS,
  follow: {
    long: '--follow',
    short: '-f',
    help: 'Go on with what happens from now on, until Ctrl-C.',
    commands: ['events'],
  },
  unit: { long: '--unit', value: 'U', help: 'Only events of this unit.', commands: ['events'] },
  kind: {
    long: '--kind',
    value: 'K',
    help: 'Only events of this kind (start, stop, crash, ...).',
    commands: ['events'],
  },
  limit: { long: '--limit', value: 'N', help: 'At most this many events (50).', commands: ['events'] },
  help: { long: '--help', short: '-h', help: 'Show the help.', actsAs: 'help' },
  version: { long: '--version', short: '-v', help: 'Show the version.', actsAs: 'version' },
  clear: { long: '--clear', short: '-c', help: 'The same as the command clear.', actsAs: 'clear' },
  createConfig: {
    long: '--create-config',
    value: 'FILE',
    help: 'The same as the command create-config.',
    actsAs: 'create-config',
  },
} as const satisfies Record<string, OptionRow>

export type OptionName = keyof typeof OPTIONS

export function optionRow(name: OptionName): OptionRow {
  return OPTIONS[name]
}
