// The table of commands, and of the options that set no configuration key. Parser, help, man page and completion use it.
import { KEY_NAMES, type Key } from '../config/keys.ts'
import { ACTIONS } from '../core/command.ts'
import { type CommandRow, command } from './command-row.ts'
import { CREATE_OPTIONS, UNIT_COMMANDS } from './unit-command-table.ts'

export type { CommandRow }

const OFFLINE =
  'Queries the running agent over its local socket. If the agent is not running, reads the state file and reports this.'

/** The options that select another agent, or the state file where none is running. */
const AGENT_KEYS: readonly Key[] = ['socket', 'persistence_file']

/** The shells that completion supports. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

export const COMMANDS = {
  run: command('', 0, 0, 'watch the units (the default command)', {
    keys: KEY_NAMES.filter((key) => key !== 'timeout'), // for commands of a person; the agent has a limit of its own
    text: [
      'Watches the configured units over D-Bus and counts their starts, stops, crashes and restarts. The counters survive restarts and power loss, and are available over HTTP and MQTT.',
      'SIGTERM and SIGINT stop the agent cleanly; a second one ends it at once. SIGHUP reloads the configuration; if the new file is invalid, the agent keeps the current configuration.',
      'Run as a systemd service, the agent logs an unknown key or an invalid value, uses the default instead, and shows the problem in /-/ready. If the file is empty, torn, unreadable or deleted, it uses the last version without problems, or else only watches: without TCP, MQTT, remote write, control and import. Run in a terminal, it reports the problem and exits with code 2.',
    ],
    examples: [
      ['gatewatch', 'watch the twelve services of a Wirepas gateway'],
      ['gatewatch --services mosquitto devmgmt --prometheus-port 9200', 'watch two services'],
      [
        'gatewatch --user --mqtt mqtt://192.168.1.5 -p ./state.ring',
        "watch the user's systemd and publish to a broker",
      ],
    ],
  }),
  status: command('', 0, 0, 'show the watched units and the health of the agent', {
    keys: AGENT_KEYS,
    text: [
      `Shows a table of the watched units: state and its age, numbers of starts, stops, crashes and restarts, and the cause of the last crash. ${OFFLINE}`,
      'With --json, stdout contains one object: agent_running, gateway_id, machine_id, boot_id, stream, state and units; if the agent is running also version, started_at, bus, unmatched_patterns (configured patterns that match no unit: pattern, reason), missing_evidence (what is missing because the journal cannot be read), checks (the health of the agent: name, healthy, message, since) and not_ready. Each unit has service, load_state, active_state, sub_state, missing, since, running, invocation_id, flapping, gave_up, frozen, counters, baseline, failures, start_jobs_failed and last_crash; while active_state is unknown, the other fields that describe the current state are null. Future versions may add fields, but will not remove or rename any.',
    ],
    examples: [['gatewatch status --json | jq .units[].service', 'list the names of the watched units']],
  }),
  events: command('', 0, 0, 'show recent events, or follow new ones', {
    keys: AGENT_KEYS,
    text: [
      `Shows the most recent events, oldest first. ${OFFLINE}`,
      'With --unit, exits with code 5 if no such unit is watched and there are no events of it. With --json, each event is one line with the same object as over MQTT and in /api/v1/events.',
    ],
    examples: [
      ['gatewatch events --kind crash --limit 5', 'show the last five crashes'],
      ['gatewatch events --follow --unit mosquitto', 'follow the events of mosquitto.service'],
      ["gatewatch events --unit 'sink@*'", 'show the events of all instances'],
    ],
  }),
  system: command('', 0, 0, 'show the state of systemd, failed units, jobs and boot times', {
    keys: [...AGENT_KEYS, 'bus'],
    text: [
      'Shows the system state, all failed units (watched or not), queued jobs, the duration of each boot stage, and the memory, CPU and disk usage of the gateway. Queries the running agent or, if the agent is not running, systemd directly.',
    ],
    examples: [['gatewatch system --json | jq .failed[]', 'list the names of the failed units']],
  }),
  ...UNIT_COMMANDS,
  'check-config': command('[FILE]', 0, 1, 'check a configuration and show the origin of each value', {
    keys: KEY_NAMES,
    text: [
      'Prints one line for each problem and exits with code 2 if there is any. Shows which keys take effect only after a restart. Passwords are masked. If systemd responds within two seconds, patterns in monitored_services that match no unit are named as well; they are not an error.',
    ],
    examples: [['gatewatch check-config ./config.json', 'check a file before installing it']],
  }),
  'create-config': command('[FILE]', 0, 1, 'write a configuration file with every key, its default and its meaning', {
    text: [
      'FILE defaults to the standard configuration file. An existing file is never overwritten. "-" writes to stdout.',
    ],
    examples: [['gatewatch create-config - | less', 'read the description of every key']],
  }),
  import: command('FILE', 1, 1, 'import the counters of a service_states.json of the former program', {
    keys: AGENT_KEYS,
    text: [
      'The imported counters become a baseline that is added to all counts from now on. The former program counted every crash as a stop as well; the import subtracts these stops and reports how many. FILE is not changed. Importing again replaces the baseline.',
    ],
    examples: [['gatewatch import /var/lib/service_monitor/service_states.json', 'import the old counters']],
  }),
  clear: command('', 0, 0, 'reset all counters to zero and clear the stored events', {
    keys: [...AGENT_KEYS, 'log_file'],
    optionHelp: {
      log_file:
        'Empty this file, too: a regular file, and if the agent is running only its own log_file or events_file.',
    },
    text: [
      'A running unit counts as one start. The gateway keeps its identity, and event numbers continue: the next event is a command event, which announces the gap. Events that wait for the broker are published first; those that cannot be published within a second are dropped, and announced.',
    ],
    examples: [
      ['gatewatch clear --keep-events', 'reset only the counters'],
      ['gatewatch --clear -l /var/log/gatewatch.log', 'empty the log as well, as in the former program'],
    ],
  }),
  'mqtt-clear': command('', 0, 0, 'clear retained messages of former gateway ids and prefixes at the MQTT broker', {
    keys: [...AGENT_KEYS, 'gateway_id', 'mqtt.url'],
    optionHelp: {
      gateway_id: 'Clear what is retained under this former gateway id, with the configured prefixes.',
      'mqtt.url': 'Connect to the broker at this URL. Default: mqtt.url of the configuration.',
    },
    text: [
      'When gateway_id, mqtt.prefix or mqtt.discovery_prefix changes, the running agent clears what it had retained under the former names. This command does the same by hand, for names that the agent could not clear: the broker refused it, hid the messages, or is no longer the configured one.',
      'Only messages of this gateway are cleared: the retained status of the agent must show the machine_id and the stream of this state file. Messages of others are listed and left alone; the exit code is then 1. The present names are cleared only with --all, and while the agent is stopped; they include the services of thin-edge.io that are marked with this stream. The connection uses the configuration and a client id of its own.',
    ],
    examples: [
      ['gatewatch mqtt-clear --dry-run', 'list what would be cleared'],
      ['GATEWATCH_MQTT_PREFIX=old gatewatch mqtt-clear --gateway-id gw-6', 'clear what is retained under old/gw-6'],
      ['gatewatch mqtt-clear --all --mqtt mqtt://old.example', 'clear everything at a broker that is no longer used'],
    ],
  }),
  format: command('DEVICE', 1, 1, 'prepare a partition as a state file', {
    text: [
      'Writes an empty ring to a partition of 1 to 64 MiB, of which at most 16 MiB are used. Then persistence_file may name the partition. A commit costs 4 KiB there; a file system adds its journal.',
      'Refuses a whole disk, anything that is mounted, used as swap or opened exclusively, raw flash (MTD), a file system or another signature that blkid knows, and a partition whose first MiB holds anything but 00, FF or a ring of gatewatch. --yes answers the question and overrides no refusal. Stop the agent first if it uses the partition.',
    ],
    examples: [['gatewatch format /dev/disk/by-partlabel/gatewatch', 'prepare the partition with the label gatewatch']],
  }),
  dump: command('[FILE]', 0, 1, 'show the content of a state file as JSON', {
    keys: ['persistence_file'],
    text: ['FILE defaults to the configured state file. The file is only read, so the agent may be running.'],
    examples: [['gatewatch dump ./state.ring', 'inspect a state file from another gateway']],
  }),
  version: command('', 0, 0, 'show the version'),
  help: command('[COMMAND]', 0, 1, 'show the usage of gatewatch or of one command'),
  completion: command(SHELLS.join('|'), 1, 1, 'print the completion script for a shell', {
    examples: [
      ['gatewatch completion bash > /etc/bash_completion.d/gatewatch', 'complete in bash'],
      ['gatewatch completion zsh > /usr/share/zsh/vendor-completions/_gatewatch', 'complete in zsh'],
      ['gatewatch completion fish > /etc/fish/completions/gatewatch.fish', 'complete in fish'],
    ],
  }),
} as const satisfies Record<string, CommandRow>

export type Command = keyof typeof COMMANDS
export const COMMAND_NAMES = Object.keys(COMMANDS) as Command[]

export function isCommand(word: string): word is Command {
  return Object.hasOwn(COMMANDS, word)
}

export function rowOfCommand(name: Command): CommandRow {
  return COMMANDS[name]
}

interface OptionRow {
  readonly long: `--${string}`
  readonly short?: `-${string}`
  readonly value?: string
  readonly help: string
  /** The commands that accept it; absent: all. */
  readonly commands?: readonly Command[]
  /** The command that it is equivalent to, as in the former program. */
  readonly actsAs?: Command
}

export const OPERATIONS = ACTIONS satisfies readonly Command[]

export const OPTIONS = {
  config: {
    long: '--config',
    value: 'FILE',
    help: 'Configuration file (environment: GATEWATCH_CONFIG).',
    commands: [
      ...(['run', 'status', 'events', 'system', 'explain', 'create-unit', 'check-config'] as const),
      ...(['import', 'clear', 'mqtt-clear', 'dump'] as const),
    ],
  },
  user: {
    long: '--user',
    help: 'Use the systemd instance of the user, the XDG directories and any free port.',
    commands: COMMAND_NAMES.filter((name) => !['version', 'help', 'completion', 'format'].includes(name)),
  },
  json: {
    long: '--json',
    help: 'Print JSON on stdout.',
    commands: [
      ...(['status', 'events', 'system', 'check-config', 'version', 'list', 'show', 'explain'] as const),
      ...OPERATIONS,
    ],
  },
  all: { long: '--all', help: 'Clear the present names, too; the agent must be stopped.', commands: ['mqtt-clear'] },
  yes: { long: '--yes', help: 'Answer the question with yes.', commands: ['format'] },
  failed: { long: '--failed', help: 'Show only failed units.', commands: ['list'] },
  noBlock: {
    long: '--no-block',
    help: 'Do not wait for the job to finish.',
    commands: ['start', 'stop', 'restart', 'reload'],
  },
  ...CREATE_OPTIONS,
  follow: {
    long: '--follow',
    short: '-f',
    help: 'Keep printing new events until Ctrl-C.',
    commands: ['events'],
  },
  unit: {
    long: '--unit',
    value: 'U',
    help: 'Show only events of this unit, or of the units that match a pattern such as sink@*.',
    commands: ['events'],
  },
  kind: {
    long: '--kind',
    value: 'K',
    help: 'Show only events of this kind (start, stop, crash, ...).',
    commands: ['events'],
  },
  limit: {
    long: '--limit',
    value: 'N',
    help: 'Show at most N events. Default: 50, or 10 with --follow.',
    commands: ['events'],
  },
  help: { long: '--help', short: '-h', help: 'Show help.', actsAs: 'help' },
  version: { long: '--version', short: '-v', help: 'Show the version.', actsAs: 'version' },
  keepEvents: { long: '--keep-events', help: 'Clear only the counters.', commands: ['clear'] },
  clear: { long: '--clear', short: '-c', help: 'Same as the command clear.', commands: ['clear'], actsAs: 'clear' },
  createConfig: {
    long: '--create-config',
    value: 'FILE',
    help: 'Same as the command create-config.',
    commands: ['create-config'],
    actsAs: 'create-config',
  },
} as const satisfies Record<string, OptionRow>

export type OptionName = keyof typeof OPTIONS

export function optionRow(name: OptionName): OptionRow {
  return OPTIONS[name]
}
