// Configuration: layers, their order, what each key takes, and the words for what is wrong.
import { describe, expect, test } from 'vitest'
import { type Arguments, parseArguments } from '../../src/cli/args.ts'
import { DEFAULT_UNITS, KEY_NAMES, valueAt } from '../../src/config/keys.ts'
import { fatalProblems, type LoadedConfig, loadConfig, runsAsService } from '../../src/config/load.ts'

type Env = Record<string, string>

/** Loads `file` as /etc/gatewatch/config.json, null for none there. */
function load(file: string | null, env: Env = {}, line = ''): Promise<LoadedConfig> {
  const args = parseArguments(line === '' ? [] : line.split(' ')) as Arguments
  const readText = (path: string) => {
    if (file !== null && path === '/etc/gatewatch/config.json') return file
    throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  }
  return loadConfig(args, { env, uid: 1000, readText })
}

async function problems(file: string | null, env: Env = {}, line = ''): Promise<string[]> {
  return (await load(file, env, line)).problems.map(({ text }) => text)
}

describe('without anything given', () => {
  test('the defaults of the contract are in force', async () => {
    const { config, problems, notes, file } = await load(null)
    expect({ problems, notes, file }).toEqual({ problems: [], notes: [], file: null })
    expect(config).toEqual({
      monitored_services: DEFAULT_UNITS,
      max_units: 1000,
      gateway_id: null,
      persistence_file: '/var/lib/gatewatch/state.ring',
      flush_interval: 60,
      log_file: null,
      log_max_bytes: 1_048_576,
      log_backups: 3,
      log_format: 'text',
      debug: false,
      events_file: null,
      events_max_bytes: 10_485_760,
      events_backup_count: 5,
      prometheus_enabled: true,
      prometheus_port: 9100,
      listen: null,
      web_config_file: null,
      http: { allowed_hosts: [] },
      stats_interval: 60,
      resync_interval: 300,
      crash_log_lines: 0,
      flap: { count: 5, window: 300 },
      max_retries: 3,
      control: { enabled: false, token_file: null, units: [] },
      mqtt: {
        enabled: false,
        url: 'mqtt://127.0.0.1:1883',
        client_id: null,
        username: null,
        password_file: null,
        ca_file: null,
        cert_file: null,
        key_file: null,
        prefix: 'gatewatch',
        qos: 1,
        keepalive: 30,
        homeassistant: false,
        commands: false,
      },
      notify: { enabled: false },
      statsd: { address: null },
      backend: 'auto',
      timeout: 300,
      socket: '/run/gatewatch/gatewatch.sock',
      bus: 'unix:path=/run/dbus/system_bus_socket',
    })
  })

  test('--user moves to the XDG directories and any free port', async () => {
    const env = { HOME: '/home/u', XDG_RUNTIME_DIR: '/run/user/1000', XDG_CONFIG_HOME: 'relative/is/ignored' }
    const { config, paths } = await load(null, env, '--user')
    expect(config).toMatchObject({
      persistence_file: '/home/u/.local/state/gatewatch/state.ring',
      socket: '/run/user/1000/gatewatch/gatewatch.sock',
      prometheus_port: 0,
      bus: 'unix:path=/run/user/1000/bus',
    })
    expect(paths.configFile).toBe('/home/u/.config/gatewatch/config.json')
  })

  test('the addresses of D-Bus in the environment are honoured', async () => {
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/a', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/b' }
    expect((await load(null, env)).config.bus).toBe('unix:path=/a')
    expect((await load(null, env, '--user')).config.bus).toBe('unix:path=/b')
    expect((await load(null, env, '--bus unix:path=/c')).config.bus).toBe('unix:path=/c')
  })
})

test('--backend command says that watching needs D-Bus all the same', async () => {
  const { config, notes } = await load(null, { GATEWATCH_BACKEND: 'command' })
  expect(config.backend).toBe('command')
  expect(notes).toEqual(['backend is command: units are operated by systemctl; watching needs D-Bus all the same'])
})

test('a file of the former program is used unchanged', async () => {
  const former = `{
    "monitored_services": ["wirepas-gateway", "mosquitto.service"],
    "log_file": null,
    "persistence_file": "/var/lib/old/service_states.json",
    "prometheus_enabled": true,
    "prometheus_port": 9100,
    "poll_interval": 1.5,
    "max_retries": 3,
    "stats_interval": 30,
    "debug": false
  }`
  const { config, problems, notes } = await load(former)
  expect(problems).toEqual([])
  expect(notes).toEqual([
    '/etc/gatewatch/config.json:7:5: poll_interval is ignored: systemd tells of every change at once, nothing is polled',
  ])
  expect(config).toMatchObject({
    monitored_services: ['wirepas-gateway.service', 'mosquitto.service'],
    persistence_file: '/var/lib/old/service_states.json',
    max_retries: 3,
    stats_interval: 30,
  })
})

describe('the order is defaults < file < environment < command line', () => {
  const file = '// a comment\n{"stats_interval": 1, "debug": true, /* another */ "mqtt": {"qos": 0, "keepalive": 5,},}'
  const env = { GATEWATCH_STATS_INTERVAL: '2', GATEWATCH_MQTT_QOS: '2' }

  test('and the origin of each value is known', async () => {
    const { config, origins } = await load(file, env, '--stats-interval 3')
    expect(config).toMatchObject({ stats_interval: 3, debug: true, mqtt: { qos: 2, keepalive: 5 } })
    expect(origins.get('stats_interval')).toEqual({ origin: 'command line', place: '--stats-interval' })
    expect(origins.get('mqtt.qos')).toEqual({ origin: 'environment', place: 'GATEWATCH_MQTT_QOS' })
    expect(origins.get('mqtt.keepalive')).toEqual({ origin: 'file', place: '/etc/gatewatch/config.json:2:84' })
    expect(origins.get('mqtt.url')).toEqual({ origin: 'default', place: '' })
  })

  test('a wrong value leaves the one below it in force', async () => {
    const { config, problems } = await load(file, { GATEWATCH_STATS_INTERVAL: 'often' })
    expect(config.stats_interval).toBe(1)
    expect(problems.map(({ text }) => text)).toEqual([
      'GATEWATCH_STATS_INTERVAL: "often" is not a whole number from 1 to 86400',
    ])
  })
})

describe('the environment', () => {
  test.each([
    [
      'GATEWATCH_MONITORED_SERVICES',
      'mosquitto, devmgmt,',
      { monitored_services: ['mosquitto.service', 'devmgmt.service'] },
    ],
    ['GATEWATCH_MQTT_URL', 'mqtts://b', { mqtt: { url: 'mqtts://b' } }],
    ['GATEWATCH_MQTT_ENABLED', 'yes', { mqtt: { enabled: true } }],
    ['GATEWATCH_DEBUG', '1', { debug: true }],
    ['GATEWATCH_DEBUG', 'Off', { debug: false }],
    ['GATEWATCH_DEBUG', '', { debug: false }],
    ['GATEWATCH_FLAP_COUNT', '9', { flap: { count: 9 } }],
    ['GATEWATCH_HTTP_ALLOWED_HOSTS', 'gw.example', { http: { allowed_hosts: ['gw.example'] } }],
    ['GATEWATCH_SOCKET', '/tmp/s', { socket: '/tmp/s' }],
    ['GATEWATCH_LISTEN', '127.0.0.1:9200', { listen: '127.0.0.1', prometheus_port: 9200 }],
    ['WM_GW_ID', 'gw-7', { gateway_id: 'gw-7' }],
  ])('%s=%s', async (name, value, expected) => {
    const { config, problems } = await load(null, { [name]: value })
    expect(problems).toEqual([])
    expect(config).toMatchObject(expected)
  })

  test('WM_GW_ID comes after everything that was configured, and is no problem then', async () => {
    const { config, problems } = await load('{"gateway_id": "mine"}', { WM_GW_ID: 'not allowed' })
    expect({ id: config.gateway_id, problems }).toEqual({ id: 'mine', problems: [] })
    expect(await problemsOf({ WM_GW_ID: 'not allowed' })).toEqual([
      'WM_GW_ID: "not allowed" is not made of letters, digits, "_", "-" and "." (1 to 128 of them)',
    ])
  })
  const problemsOf = (env: Env) => problems(null, env)

  test('GATEWATCH_CONFIG names the file', async () => {
    expect(await problems(null, { GATEWATCH_CONFIG: '/nowhere' })).toEqual([
      "/nowhere: cannot be read: no such file; 'gatewatch create-config FILE' writes one",
    ])
  })

  test('a slip of the pen is noted', async () => {
    expect((await load(null, { GATEWATCH_MQT_URL: 'x' })).notes).toEqual([
      'GATEWATCH_MQT_URL in the environment means nothing here: did you mean GATEWATCH_MQTT_URL?',
    ])
  })
})

describe('what is wrong in a file is told with its place', () => {
  const at = '/etc/gatewatch/config.json'
  const value = 'a value (text in double quotes, a number, true, false, null, [...] or {...})'
  test.each([
    ['{\n  "prometheus_prot": 1\n}', `${at}:2:3: prometheus_prot: unknown key: did you mean prometheus_port?`],
    ['{"services": []}', `${at}:1:2: services: unknown key: did you mean monitored_services?`],
    ['{"mqtt": {"urll": "x"}}', `${at}:1:11: mqtt.urll: unknown key: did you mean mqtt.url?`],
    ['{"mqtt.url": "mqtt://x"}', `${at}:1:2: mqtt.url: is written nested: "mqtt": { "url": ... }`],
    ['{"socket": "/x"}', `${at}:1:2: socket: is no key of the file: use --socket or GATEWATCH_SOCKET`],
    ['{"mqtt": true}', `${at}:1:10: mqtt: true is not an object: { ... }`],
    ['{"debug": "yes"}', `${at}:1:11: debug: "yes" is not true or false`],
    ['{"debug": 1, "debug": true}', `${at}:1:14: debug: stands here a second time`],
    ['{"prometheus_port": 70000}', `${at}:1:21: prometheus_port: 70000 is not a whole number from 0 to 65535`],
    ['{"prometheus_port": "9100"}', `${at}:1:21: prometheus_port: "9100" is not a whole number from 0 to 65535`],
    ['{"flush_interval": 0.5}', `${at}:1:20: flush_interval: 0.5 is not a whole number from 1 to 86400`],
    ['{"monitored_services": "a"}', `${at}:1:24: monitored_services: "a" is not a list of unit names`],
    ['{"monitored_services": []}', `${at}:1:24: monitored_services: [] is empty: name at least 1`],
    [
      '{"monitored_services": ["a", "b"], "max_units": 1}',
      `${at}:1:24: monitored_services: has 2 names, more than max_units (1)`,
    ],
    ['{"monitored_services": ["a", 3]}', `${at}:1:30: monitored_services[1]: 3 is not a unit name`],
    [
      '{"gateway_id": "a b"}',
      `${at}:1:16: gateway_id: "a b" is not made of letters, digits, "_", "-" and "." (1 to 128 of them)`,
    ],
    ['{"log_format": "xml"}', `${at}:1:16: log_format: "xml" is not text or json`],
    ['{"persistence_file": null}', `${at}:1:22: persistence_file: null is not the path of a file`],
    ['{"persistence_file": "/var/"}', `${at}:1:22: persistence_file: "/var/" is a directory: write the path of a file`],
    [
      '{"listen": "9100"}',
      `${at}:1:12: listen: "9100" is not an address: write ":9100" for port 9100 on all addresses`,
    ],
    ['{"listen": "::1:x"}', `${at}:1:12: listen: "::1:x" is not an address like 127.0.0.1, [::1]:9100, :9100`],
    ['{"mqtt": {"url": "broker:1883"}}', `${at}:1:18: mqtt.url: "broker:1883" is not a URL: write mqtt://broker:1883`],
    [
      '{"mqtt": {"url": "http://b"}}',
      `${at}:1:18: mqtt.url: "http://b" is not a URL of MQTT: it begins with mqtt://, mqtts:// or mqtt+unix://`,
    ],
    [
      '{"mqtt": {"url": "unix:///x"}}',
      `${at}:1:18: mqtt.url: "unix:///x" is not a URL of MQTT: for a socket write mqtt+unix:///path`,
    ],
    ['{"mqtt": {"prefix": "a/#"}}', `${at}:1:21: mqtt.prefix: "a/#" holds "#" or "+", which are wildcards of MQTT`],
    ['{"mqtt": {"keepalive": 0}}', `${at}:1:24: mqtt.keepalive: 0 is not a whole number from 1 to 65535`],
    ['{"mqtt": {"cert_file": "/c"}}', `${at}:1:24: mqtt.cert_file: needs mqtt.key_file too`],
    [
      '{"log_file": "/a", "events_file": "/a"}',
      `${at}:1:35: events_file: is the same file as log_file: give each its own`,
    ],
    [
      '{"http": {"allowed_hosts": ["a b"]}}',
      `${at}:1:29: http.allowed_hosts[0]: "a b" is not a host name or an IP address`,
    ],
    ['', `${at}:1:1: not JSON: expected ${value}, but the file ends`],
    ['[]', `${at}:1:1: expected an object: { "key": value, ... }`],
    ['{"debug": true', `${at}:1:15: not JSON: expected "," or "}", but the file ends`],
    ['{"debug": true\n "listen": ""}', `${at}:2:2: not JSON: expected "," between two entries, found "listen"`],
    ['{"debug" true}', `${at}:1:10: not JSON: expected ":" behind the key, found true`],
    ['{debug: true}', `${at}:1:2: not JSON: expected a key in double quotes, found debug`],
    ["{'debug': true}", `${at}:1:2: not JSON: expected a key in double quotes, found 'debug'`],
    ['{"debug": True}', `${at}:1:11: not JSON: expected ${value}, found True`],
    ['{"log_file": "a\n"}', `${at}:1:14: not JSON: expected a closing double quote on the same line, found "a`],
    ['{/* x', `${at}:1:2: not JSON: expected "*/" behind a comment that begins with "/*", found /* x`],
  ])('%j', async (file, problem) => {
    expect((await problems(file))[0]).toBe(problem)
  })

  test('all problems of a file are told at once', async () => {
    expect(await problems('{"debug": 1, "flush_interval": 0, "nix": 2}')).toEqual([
      `${at}:1:35: nix: unknown key: the nearest known one is debug`,
      `${at}:1:11: debug: 1 is not true or false`,
      `${at}:1:32: flush_interval: 0 is not a whole number from 1 to 86400`,
    ])
  })
})

describe('the command line', () => {
  test.each([
    ['--prometheus-port abc', '--prometheus-port: "abc" is not a whole number from 0 to 65535'],
    ['--prometheus-port -1', '--prometheus-port: -1 is not a whole number from 0 to 65535'],
    ['--services a//b', `--services: "a//b" is a path: write the unit name that 'systemctl status a//b' shows`],
    ['--log-format xml', '--log-format: "xml" is not text or json'],
    ['--bus /run/x', '--bus: "/run/x" is not an address of D-Bus like unix:path=/run/dbus/system_bus_socket'],
    ['--config /nowhere', "/nowhere: cannot be read: no such file; 'gatewatch create-config FILE' writes one"],
    [
      '--mqtt mqtt://u:secret@b',
      '--mqtt: is refused: a password on the command line is seen by all; put it into mqtt.password_file',
    ],
  ])('%s', async (line, problem) => {
    expect(await problems(null, {}, line)).toEqual([problem])
  })

  test.each([
    ['--listen 127.0.0.1', '127.0.0.1', 9100],
    ['--listen 127.0.0.1:0', '127.0.0.1', 0],
    ['--listen [::1]:9200', '::1', 9200],
    ['--listen [::1]', '::1', 9100],
    ['--listen ::1', '::1', 9100],
    ['--listen :9200', null, 9200],
    ['--listen *:9200', null, 9200],
    ['--listen localhost:9200', 'localhost', 9200],
    ['--listen localhost:9200 --prometheus-port 9300', 'localhost', 9300],
  ])('%s listens on %s port %i', async (line, listen, port) => {
    const { config, problems } = await load(null, {}, line)
    expect(problems).toEqual([])
    expect(config).toMatchObject({ listen, prometheus_port: port })
  })
})

describe('as a service', () => {
  test('a wrong value and an unknown key do not end it, and the good units of a list are kept', async () => {
    const loaded = await load('{"monitored_services": ["a", "b c"], "prometheus_port": "x", "newer": 1}')
    expect(loaded.config).toMatchObject({ monitored_services: ['a.service'], prometheus_port: 9100 })
    expect(loaded.problems).toHaveLength(3)
    expect(fatalProblems(loaded, true)).toEqual([])
    expect(fatalProblems(loaded, false)).toHaveLength(3)
  })

  test('a list without a good element falls back to the default', async () => {
    expect((await load('{"monitored_services": ["b c"]}')).config.monitored_services).toEqual(DEFAULT_UNITS)
  })

  test.each([
    ['{"debug": tru}', ''],
    [null, '--config /nowhere'],
    [null, '--prometheus-port x'],
  ])('what is no configuration at all, and wrong usage, end it: %j %s', async (file, line) => {
    expect(fatalProblems(await load(file, {}, line), true)).toHaveLength(1)
  })

  test('is told by INVOCATION_ID, which a shell of a desktop inherits too', () => {
    expect(runsAsService({ INVOCATION_ID: 'x' }, false)).toBe(true)
    expect(runsAsService({ INVOCATION_ID: 'x' }, true)).toBe(false)
    expect(runsAsService({}, false)).toBe(false)
  })
})

test('a broker that is configured and not enabled is noted', async () => {
  expect((await load('{"mqtt": {"url": "mqtt://b"}}')).notes).toEqual([
    'mqtt.url is set but mqtt.enabled is not: nothing is published',
  ])
})

test('every key has a value', async () => {
  const { config } = await load(null)
  for (const key of KEY_NAMES) expect(valueAt(config, key), key).not.toBe(undefined)
})
