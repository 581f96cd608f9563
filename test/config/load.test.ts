// Loading the configuration: defaults, paths, environment, and what ends a run.
import { describe, expect, test } from 'vitest'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import { commandProblems, fatalProblems, runsAsService } from '../../src/config/load.ts'
import { loadText, problemsOf } from './load-text.ts'

describe('without file, options or variables', () => {
  test('the defaults of the contract apply', async () => {
    const { config, problems, notes, file } = await loadText(null)
    expect({ problems, notes, file }).toEqual({ problems: [], notes: [], file: null })
    expect(config).toEqual({
      monitored_services: DEFAULT_UNITS,
      max_units: 1000,
      gateway_id: null,
      persistence_file: '/var/lib/gatewatch/state.ring',
      import_former: true,
      flush_interval: 60,
      flash_bytes_per_day: 30_000_000,
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
      explain: false,
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
        max_message_bytes: null,
        settle: 3,
        homeassistant: false,
        discovery_prefix: 'homeassistant',
        link_topic: null,
        thinedge: false,
        commands: false,
      },
      remote_write: {
        url: null,
        interval: 60,
        username: null,
        password_file: null,
        token_file: null,
        ca_file: null,
        cert_file: null,
        key_file: null,
        labels: {},
        match: [
          'up',
          'systemd_service_state',
          'systemd_service_starts_total',
          'systemd_service_stops_total',
          'systemd_service_crashes_total',
          'systemd_service_restarts_total',
          'gatewatch_unit_failures_total',
          'gatewatch_unit_lost_total',
          'gatewatch_unit_flapping',
          'gatewatch_unit_gave_up',
          'gatewatch_unit_loaded',
          'gatewatch_health',
          'gatewatch_build_info',
          'gatewatch_flash_degraded',
          'gatewatch_state_volatile',
        ],
        backlog: 7200,
      },
      notify: { enabled: false },
      statsd: { address: null },
      backend: 'auto',
      timeout: 300,
      socket: '/run/gatewatch/gatewatch.sock',
      bus: 'unix:path=/run/dbus/system_bus_socket',
    })
  })

  test('--user selects the XDG directories and any free port', async () => {
    const env = { HOME: '/home/u', XDG_RUNTIME_DIR: '/run/user/1000', XDG_CONFIG_HOME: 'relative/is/ignored' }
    const { config, paths } = await loadText(null, env, '--user')
    expect(config).toMatchObject({
      persistence_file: '/home/u/.local/state/gatewatch/state.ring',
      socket: '/run/user/1000/gatewatch/gatewatch.sock',
      prometheus_port: 0,
      bus: 'unix:path=/run/user/1000/bus',
    })
    expect(paths.configFile).toBe('/home/u/.config/gatewatch/config.json')
  })

  test('the D-Bus addresses in the environment are used', async () => {
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/a', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/b' }
    expect((await loadText(null, env)).config.bus).toBe('unix:path=/a')
    expect((await loadText(null, env, '--user')).config.bus).toBe('unix:path=/b')
    expect((await loadText(null, env, '--bus unix:path=/c')).config.bus).toBe('unix:path=/c')
  })
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
  const { config, problems, notes } = await loadText(former)
  expect(problems).toEqual([])
  expect(notes).toEqual([
    '/etc/gatewatch/config.json:7:5: poll_interval is ignored: systemd reports changes immediately, so nothing is polled',
  ])
  expect(config).toMatchObject({
    monitored_services: ['wirepas-gateway.service', 'mosquitto.service'],
    persistence_file: '/var/lib/old/service_states.json',
    max_retries: 3,
    stats_interval: 30,
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
    ['GATEWATCH_MQTT_COMMANDS', 'on', { mqtt: { commands: true } }],
    ['GATEWATCH_MQTT_COMMANDS', 'force', { mqtt: { commands: 'force' } }],
    ['GATEWATCH_DEBUG', '1', { debug: true }],
    ['GATEWATCH_DEBUG', 'Off', { debug: false }],
    ['GATEWATCH_DEBUG', '', { debug: false }],
    ['GATEWATCH_FLAP_COUNT', '9', { flap: { count: 9 } }],
    ['GATEWATCH_HTTP_ALLOWED_HOSTS', 'gw.example', { http: { allowed_hosts: ['gw.example'] } }],
    ['GATEWATCH_SOCKET', '/tmp/s', { socket: '/tmp/s' }],
    ['GATEWATCH_LISTEN', '127.0.0.1:9200', { listen: '127.0.0.1', prometheus_port: 9200 }],
    ['WM_GW_ID', 'gw-7', { gateway_id: 'gw-7' }],
  ])('%s=%s', async (name, value, expected) => {
    const { config, problems } = await loadText(null, { [name]: value })
    expect(problems).toEqual([])
    expect(config).toMatchObject(expected)
  })

  test('WM_GW_ID has the lowest precedence, and an invalid value is ignored if gateway_id is configured', async () => {
    const { config, problems } = await loadText('{"gateway_id": "mine"}', { WM_GW_ID: 'not allowed' })
    expect({ id: config.gateway_id, problems }).toEqual({ id: 'mine', problems: [] })
    expect(await problemsOf(null, { WM_GW_ID: 'not allowed' })).toEqual([
      'WM_GW_ID: "not allowed" is not made of letters, digits, "_", "-" and "." (1 to 128 characters)',
    ])
  })
  test('GATEWATCH_CONFIG names the file', async () => {
    expect(await problemsOf(null, { GATEWATCH_CONFIG: '/nowhere' })).toEqual([
      "/nowhere: cannot read the configuration file: no such file; create one with 'gatewatch create-config FILE'",
    ])
  })

  test('an unknown GATEWATCH_ variable is noted', async () => {
    expect((await loadText(null, { GATEWATCH_MQT_URL: 'x' })).notes).toEqual([
      'unknown environment variable GATEWATCH_MQT_URL: did you mean GATEWATCH_MQTT_URL?',
    ])
  })
})

describe('as a service', () => {
  test('an invalid value or an unknown key is not fatal, and the valid units of a list are kept', async () => {
    const loaded = await loadText('{"monitored_services": ["a", "b c"], "prometheus_port": "x", "newer": 1}')
    expect(loaded.config).toMatchObject({ monitored_services: ['a.service'], prometheus_port: 9100 })
    expect(loaded.problems).toHaveLength(3)
    expect(fatalProblems(loaded, true)).toEqual([])
    expect(fatalProblems(loaded, false)).toHaveLength(3)
  })

  test('a list without a valid element falls back to the default', async () => {
    expect((await loadText('{"monitored_services": ["b c"]}')).config.monitored_services).toEqual(DEFAULT_UNITS)
  })

  test.each([
    ['{"debug": tru}', ''],
    [null, '--config /nowhere'],
    [null, '--prometheus-port x'],
  ])('an unreadable file and wrong usage end it: %j %s', async (file, line) => {
    expect(fatalProblems(await loadText(file, {}, line), true)).toHaveLength(1)
  })

  test('is recognised by INVOCATION_ID, unless stderr is a terminal', () => {
    expect(runsAsService({ INVOCATION_ID: 'x' }, false)).toBe(true)
    expect(runsAsService({ INVOCATION_ID: 'x' }, true)).toBe(false)
    expect(runsAsService({}, false)).toBe(false)
  })
})

describe('for commands other than run and check-config', () => {
  const problems = async (file: string | null, env: Record<string, string>, line: string) =>
    commandProblems(await loadText(file, env, line)).map(({ text }) => text)
  const missing =
    "/none: cannot read the configuration file: no such file; create one with 'gatewatch create-config FILE'"

  test.each([
    [{ GATEWATCH_TIMEOUT: 'x' }, 'list', ['GATEWATCH_TIMEOUT: "x" is not a whole number from 1 to 86400']],
    [{ GATEWATCH_MQTT_QOS: '7' }, 'status', ['GATEWATCH_MQTT_QOS: 7 is not a whole number from 0 to 2']],
    [{ GATEWATCH_CONFIG: '/none' }, 'status', [missing]],
    [{}, 'status --config /none', [missing]],
    [{}, 'list --timeout x', ['--timeout: "x" is not a whole number from 1 to 86400']],
  ])('what they were given must be right: %j %s', async (env, line, expected) => {
    expect(await problems(null, env, line)).toEqual(expected)
  })

  test.each(['{"debug": tru', '{"debug": 1, "nix": 2}'])('the usual file may have problems: %s', async (file) => {
    expect(await problems(file, {}, 'status')).toEqual([])
  })

  test('a file that they were given must be JSON, but its values are a matter for check-config', async () => {
    const given = 'status --config /etc/gatewatch/config.json'
    expect(await problems('{"debug": 1, "nix": 2}', {}, given)).toEqual([])
    expect(await problems('{"debug": tru', {}, given)).toHaveLength(1)
  })
})
