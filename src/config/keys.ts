// The table of all configuration keys: type, default, flags, help, and when a change takes effect. Arguments, environment,
// validation, reload, create-config, check-config, help, man page and completion are derived from it.
import { DEFAULT_UNITS } from './default-units.ts'
import { type Flag, type KeyRow, key } from './key-row.ts'
import { LOG_KEYS } from './log-keys.ts'
import { MQTT_KEYS } from './mqtt-keys.ts'
import type { Paths } from './paths.ts'
import { REMOTE_WRITE_KEYS } from './remote-write-keys.ts'
import { address, busAddress, gatewayId, host, hostPort, path, socketPath, unit } from './text-types.ts'
import { bool, integer, listOf, oneOf, orNone } from './value-types.ts'

const DAY = 86_400

const KEYS = {
  monitored_services: key(listOf('unit names', unit, 1), DEFAULT_UNITS, {
    applies: 'now',
    help: 'Units to watch, of any type: names (a bare name means .service), templates such as sink@*.service, globs.',
    defaultText: 'the twelve services of a Wirepas gateway',
    otherNames: ['units', 'services', 'watch'],
    flags: [
      {
        long: '--services',
        value: 'U',
        many: true,
        help: 'Units to watch, up to the next option or command; may be repeated. Default: the services of a Wirepas gateway.',
      },
    ],
  }),
  max_units: key(integer(1, 10_000), 1000, { applies: 'restart', help: 'Maximum number of watched units.' }),
  gateway_id: key(orNone(gatewayId), null, {
    applies: 'restart',
    help: 'Name of this gateway in events, metrics and topics: letters, digits, "_", "-", ".".',
    defaultText: 'WM_GW_ID, else the id stored in the state file, else an id derived from the machine id',
    flags: [{ long: '--gateway-id', value: 'ID' }],
  }),
  persistence_file: key(path, (paths) => paths.stateFile, {
    applies: 'restart',
    help: 'State file with counters and recent events, or a partition prepared by the command format. Not in a tmpfs.',
    flags: [{ long: '--persistence-file', short: '-p', value: 'FILE' }],
  }),
  import_former: key(bool, true, {
    applies: 'now', // a first start is the only time at which it is read
    help: 'At the first start, without a state file, import the counters of /var/lib/service_monitor/service_states.json.',
    flags: [
      {
        long: '--no-import',
        sets: false,
        help: 'Do not import the counters of the former program at the first start.',
      },
    ],
  }),
  flush_interval: key(integer(1, DAY), 60, {
    applies: 'now',
    help: 'Maximum time before a start or stop is written to flash; under load, the average interval between commits.',
    unit: 'seconds',
  }),
  flash_bytes_per_day: key(integer(0, 2 ** 40), 30_000_000, {
    applies: 'now',
    help: 'Bytes that commits of the state file may cost in a day, with what the file system adds. While it is used up, commits are delayed, to 15 minutes at most. 0: no limit.',
    unit: 'bytes',
  }),
  ...LOG_KEYS,
  prometheus_enabled: key(bool, true, {
    applies: 'now',
    help: 'Serve metrics, API and dashboard over TCP. The local socket is always available.',
    flags: [{ long: '--no-prometheus', sets: false, help: 'Do not listen on TCP; the local socket stays available.' }],
  }),
  prometheus_port: key(integer(0, 65_535), (paths) => paths.port, {
    applies: 'now',
    help: 'TCP port; 0 selects any free port and prints it.',
    flags: [{ long: '--prometheus-port', value: 'N' }],
  }),
  listen: key(orNone(address), null, {
    applies: 'now',
    help: 'Address to listen on, with an optional port: 127.0.0.1, [::1]:9200, :9200.',
    defaultText: 'all addresses',
    otherNames: ['host', 'address', 'bind'],
    flags: [{ long: '--listen', value: 'ADDRESS[:PORT]' }],
  }),
  web_config_file: key(orNone(path), null, {
    applies: 'now',
    help: 'File that configures TLS, client certificates and users for TCP, in the format of the Prometheus exporter-toolkit.',
    defaultText: 'none (HTTP without TLS or password)',
  }),
  'http.allowed_hosts': key(listOf('host names', host), [], {
    applies: 'now',
    help: 'Names accepted in the Host header, in addition to IP addresses, localhost and the names of this host.',
    defaultText: 'none',
  }),
  stats_interval: key(integer(1, DAY), 60, {
    applies: 'now',
    help: 'Interval for publishing agent statistics over MQTT and for the log summary line.',
    unit: 'seconds',
    flags: [{ long: '--stats-interval', value: 'N' }],
  }),
  resync_interval: key(integer(10, DAY), 300, {
    applies: 'restart',
    help: 'Interval at which every unit is reconciled with systemd.',
    unit: 'seconds',
  }),
  crash_log_lines: key(integer(0, 1000), 0, {
    applies: 'restart',
    help: 'Number of journal lines attached to a crash event; requires the group systemd-journal.',
  }),
  explain: key(bool, false, {
    applies: 'restart',
    help: 'Adds status text, core dumps, OOM kills and resources to crash events; data from the journal requires the group systemd-journal.',
  }),
  'flap.count': key(integer(2, 100), 5, {
    applies: 'now',
    help: 'Number of crashes within flap.window that marks a unit as flapping.',
  }),
  'flap.window': key(integer(1, DAY), 300, {
    applies: 'now',
    help: 'Time window for flap.count.',
    unit: 'seconds',
  }),
  max_retries: key(integer(0, 10), 3, {
    applies: 'now',
    help: 'Maximum number of retries of a control operation while systemd cannot be reached.',
  }),
  'control.enabled': key(bool, false, {
    applies: 'now',
    help: 'Allow starting, stopping, restarting and reloading units over HTTP (requires control.token_file) and MQTT (requires mqtt.commands). The user of the agent needs permission to do so; see the polkit rule that is installed with it.',
  }),
  'control.token_file': key(orNone(path), null, {
    applies: 'now',
    help: 'File with the bearer token for control over HTTP. Without a token, control over HTTP is disabled.',
    defaultText: 'none',
  }),
  'control.units': key(listOf('unit names', unit), [], {
    applies: 'now',
    help: 'Units that may be controlled: names, templates such as sink@*.service, globs. Empty: the watched units.',
    defaultText: 'the watched units',
  }),
  ...MQTT_KEYS,
  ...REMOTE_WRITE_KEYS,
  'notify.enabled': key(bool, false, {
    applies: 'now',
    help: 'Show desktop notifications of crashes and recoveries in the session of the agent (--user).',
  }),
  'statsd.address': key(orNone(hostPort), null, {
    applies: 'now',
    help: 'Send the metrics to StatsD over UDP every stats_interval: HOST[:PORT], default port 8125.',
    defaultText: 'none',
  }),
  backend: key(oneOf('auto', 'dbus', 'command'), 'auto', {
    applies: 'now',
    help: 'How units are controlled: over D-Bus, with the systemctl command, or (auto) with systemctl only if D-Bus is not available. Watching always uses D-Bus.',
    flags: [{ long: '--backend', value: 'auto|dbus|command' }],
    inFile: false,
  }),
  timeout: key(integer(1, DAY), 300, {
    applies: 'now',
    help: 'Maximum time to wait for a control operation.',
    unit: 'seconds',
    flags: [{ long: '--timeout', value: 'SECONDS' }],
    inFile: false,
  }),
  socket: key(socketPath, (paths) => paths.socket, {
    applies: 'restart',
    help: 'Local socket used by the command line tools.',
    flags: [{ long: '--socket', value: 'PATH' }],
    inFile: false,
  }),
  bus: key(busAddress, (paths) => paths.bus, {
    applies: 'restart',
    help: 'D-Bus address of systemd.',
    defaultText: 'DBUS_SYSTEM_BUS_ADDRESS (with --user DBUS_SESSION_BUS_ADDRESS), else the standard address',
    flags: [{ long: '--bus', value: 'ADDRESS' }],
    inFile: false,
  }),
} as const satisfies Record<string, KeyRow<never> | KeyRow<unknown>>

export type Key = keyof typeof KEYS
export const KEY_NAMES = Object.keys(KEYS) as Key[]
/** The paths of files that the agent writes: each another one, and absolute except on the command line. */
export const WRITTEN_FILES = ['persistence_file', 'log_file', 'events_file'] as const satisfies readonly Key[]
export type WrittenFile = (typeof WRITTEN_FILES)[number]

/** The row of a key, whatever its type. */
export function rowOf(name: Key): KeyRow<unknown> {
  return KEYS[name] as KeyRow<unknown>
}

export function isKey(name: string): name is Key {
  return Object.hasOwn(KEYS, name)
}

/** Keys of older files that have no effect any more: accepted, with this note. */
export const OBSOLETE_KEYS: Readonly<Record<string, { readonly note: string; readonly flag?: Flag }>> = {
  poll_interval: {
    note: 'is ignored: systemd reports changes immediately, so nothing is polled',
    flag: { long: '--poll-interval', value: 'N', help: 'Ignored; accepted for older scripts.' },
  },
}

type Value<K extends Key> = (typeof KEYS)[K] extends KeyRow<infer T> ? T : never
type Head<K extends string> = K extends `${infer H}.${string}` ? H : K
type Below<H extends string> = { readonly [K in Key as K extends `${H}.${infer Rest}` ? Rest : never]: Value<K> }

/** The effective configuration, nested as in the file. */
export type Config = { readonly [H in Head<Key>]: H extends Key ? Value<H> : Below<H> }

/** Value of a key in a configuration. */
export function valueAt(config: Config, name: Key): unknown {
  let at: unknown = config
  for (const part of name.split('.')) at = (at as Record<string, unknown>)[part]
  return at
}

/** By the names that other programs have for them: the keys. */
export const OTHER_NAMES: ReadonlyMap<string, Key> = new Map(
  KEY_NAMES.flatMap((name) => (rowOf(name).otherNames ?? []).map((other) => [other, name] as const)),
)

/** The environment variable of a key: `mqtt.url` -> GATEWATCH_MQTT_URL. */
export function variableOf(name: string): string {
  return `GATEWATCH_${name.toUpperCase().replace('.', '_')}`
}

export function defaultOf(name: Key, paths: Paths): unknown {
  const { byDefault } = rowOf(name)
  return typeof byDefault === 'function' ? byDefault(paths) : byDefault
}
