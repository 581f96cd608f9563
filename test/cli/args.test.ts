// Parsing the command line: every option, also those of the former program, and the error messages.
import { describe, expect, test } from 'vitest'
import { type Arguments, commandIn, parseArguments } from '../../src/cli/args.ts'

function parsed(line: string): Arguments {
  const result = parseArguments(line === '' ? [] : line.split(' '))
  if ('problem' in result) throw new Error(result.problem)
  return result
}

function overridesOf(line: string): Record<string, unknown> {
  return Object.fromEntries([...parsed(line).overrides].map(([key, { value }]) => [key, value]))
}

describe('the command', () => {
  test.each([
    ['', 'run', []],
    ['run', 'run', []],
    ['--debug', 'run', []],
    ['status', 'status', []],
    ['status --json', 'status', []],
    ['--json status', 'status', []],
    ['events', 'events', []],
    ['check-config', 'check-config', []],
    ['check-config ./a.json', 'check-config', ['./a.json']],
    ['create-config', 'create-config', []],
    ['create-config -', 'create-config', ['-']],
    ['import a.json', 'import', ['a.json']],
    ['clear', 'clear', []],
    ['dump', 'dump', []],
    ['dump -- -odd', 'dump', ['-odd']],
    ['version', 'version', []],
    ['help', 'help', []],
    ['help events', 'help', ['events']],
    ['completion bash', 'completion', ['bash']],
    ['completion fish', 'completion', ['fish']],
    ['-h', 'help', []],
    ['--help', 'help', []],
    ['events --help', 'help', ['events']],
    ['help -h', 'help', []],
    ['-v', 'version', []],
    ['--version', 'version', []],
    ['run -v', 'version', []],
    ['-c', 'clear', []],
    ['--clear', 'clear', []],
    ['clear --clear', 'clear', []],
    ['-c -p state.ring', 'clear', []],
    ['--create-config a.json', 'create-config', ['a.json']],
    ['--create-config=a.json', 'create-config', ['a.json']],
    ['--config a.json status', 'status', []],
    ['status --services a --help', 'help', ['status']],
    ['list --json --follow -v', 'version', []],
  ])('of "%s" is %s', (line, command, operands) => {
    expect(parsed(line)).toMatchObject({ command, operands })
  })
})

describe('options that set configuration', () => {
  test.each([
    ['--services mosquitto', { monitored_services: ['mosquitto'] }],
    ['--services a b c', { monitored_services: ['a', 'b', 'c'] }],
    ['--services a,b c', { monitored_services: ['a', 'b', 'c'] }],
    ['--services a --debug --services b', { monitored_services: ['a', 'b'], debug: true }],
    ['--services=a,b', { monitored_services: ['a', 'b'] }],
    ['--services=-.mount', { monitored_services: ['-.mount'] }],
    ['--services a run', { monitored_services: ['a'] }],
    ['run --services a run', { monitored_services: ['a', 'run'] }],
    ['-l a.log', { log_file: 'a.log' }],
    ['-la.log', { log_file: 'a.log' }],
    ['--log-file a.log', { log_file: 'a.log' }],
    ['-p a.ring', { persistence_file: 'a.ring' }],
    ['--persistence-file a.ring', { persistence_file: 'a.ring' }],
    ['--debug', { debug: true }],
    ['--prometheus-port 9200', { prometheus_port: 9200 }],
    ['--prometheus-port=0', { prometheus_port: 0 }],
    ['--prometheus-port -1', { prometheus_port: -1 }],
    ['--prometheus-port 1 --prometheus-port 2', { prometheus_port: 2 }],
    ['--no-prometheus', { prometheus_enabled: false }],
    ['--stats-interval 10', { stats_interval: 10 }],
    ['--listen 127.0.0.1', { listen: '127.0.0.1' }],
    ['--listen [::1]:9200', { listen: '[::1]:9200' }],
    ['--socket /tmp/s', { socket: '/tmp/s' }],
    ['--mqtt mqtt://b:1884', { 'mqtt.url': 'mqtt://b:1884', 'mqtt.enabled': true }],
    ['--no-mqtt', { 'mqtt.enabled': false }],
    ['--mqtt mqtt://b --no-mqtt', { 'mqtt.url': 'mqtt://b', 'mqtt.enabled': false }],
    ['--gateway-id gw-7', { gateway_id: 'gw-7' }],
    ['--bus unix:path=/x', { bus: 'unix:path=/x' }],
    ['--log-format json', { log_format: 'json' }],
    ['--poll-interval 5', {}],
  ])('"%s"', (line, expected) => {
    expect(overridesOf(line)).toEqual(expected)
  })

  test('the spelling of the flag is kept with its value', () => {
    expect(parsed('-p x').overrides.get('persistence_file')).toEqual({ value: 'x', flag: '-p' })
  })

  test('an obsolete option is accepted with a note', () => {
    expect(parsed('--poll-interval 5').notes).toEqual([
      '--poll-interval is ignored: systemd reports changes immediately, so nothing is polled',
    ])
  })
})

describe('what minimist alone would get wrong', () => {
  test.each([
    ['--services a b c', { operands: [] }],
    ['show 007', { operands: ['007.service'] }],
    ['show 1e3', { operands: ['1e3.service'] }],
    ['explain 1e3', { operands: ['1e3.service'] }],
    ['explain 0123456789abcdef-41', { operands: ['0123456789abcdef-41'] }],
    ['show 0123456789abcdef-41', { operands: ['0123456789abcdef-41.service'] }],
    ['check-config -', { operands: ['-'] }],
    ['dump -- --json', { operands: ['--json'], json: false }],
    ['status --config=', { configFile: '' }],
    ['status --config=a=b', { configFile: 'a=b' }],
    ['status --config=true', { configFile: 'true' }],
    ['events --limit 5 --limit 7', { limit: 7 }],
    ['status --json --json', { json: true, operands: [] }],
  ])('"%s"', (line, expected) => {
    expect(parsed(line)).toMatchObject(expected)
  })

  test.each([
    ['-lfoo.log', { log_file: 'foo.log' }],
    ['-l=foo.log', { log_file: 'foo.log' }],
    ['-p-', { persistence_file: '-' }],
    ['--no-prometheus', { prometheus_enabled: false }],
    ['--mqtt mqtt://a --no-mqtt --mqtt mqtt://b', { 'mqtt.url': 'mqtt://b', 'mqtt.enabled': true }],
    ['-p a -p b', { persistence_file: 'b' }],
    ['-p a --persistence-file b', { persistence_file: 'b' }],
    ['--persistence-file a -p b', { persistence_file: 'b' }],
    ['--gateway-id 007', { gateway_id: '007' }],
  ])('"%s" sets', (line, expected) => {
    expect(overridesOf(line)).toEqual(expected)
  })

  test.each([
    ['status --json=maybe', '--json takes no value, but got "maybe"'],
    ['status --json false', 'status: unexpected argument "false"; usage: gatewatch status'],
    ['--no-json', 'unknown option --no-json: did you mean --json?'],
    ['--mqtt.url x', 'unknown option --mqtt.url: did you mean --mqtt?'],
    ['--constructor x', 'unknown option --constructor'],
    ['--__proto__.x=1', 'unknown option --__proto__.x'],
    ['--config', '--config requires a value: --config FILE'],
  ])('"%s" is an error', (line, problem) => {
    expect(parseArguments(line.split(' '))).toEqual({ problem })
  })
})

test('options that set no configuration key', () => {
  expect(parsed('--config a.json --user')).toMatchObject({ configFile: 'a.json', user: true, json: false })
  expect(parsed('events -f --json --unit mosquitto --kind crash --limit 5')).toMatchObject({
    follow: true,
    json: true,
    unit: 'mosquitto.service',
    kind: 'crash',
    limit: 5,
  })
})

describe('an error is one line', () => {
  test.each([
    ['stauts', 'unknown command "stauts": did you mean status?'],
    ['xyzzy', 'unknown command "xyzzy"'],
    ['help evnts', 'unknown command "evnts": did you mean events?'],
    ['--servics a', 'unknown option --servics: did you mean --services?'],
    ['--mqtt-url=x', 'unknown option --mqtt-url: did you mean --mqtt?'],
    ['-x', 'unknown option -x: short options are -p -l -f -h -v -c'],
    ['--config', '--config requires a value: --config FILE'],
    ['--config --debug', '--config requires a value: --config FILE'],
    ['--services', '--services requires a value: --services U'],
    ['--services --debug', '--services requires a value: --services U'],
    ['--debug=yes', '--debug takes no value, but got "yes"'],
    ['status --follow', '--follow is not valid with status, only with events'],
    [
      '--json',
      '--json is not valid with run, only with status, events, system, check-config, version, list, show, explain, start, stop, restart, reload, reset-failed, enable, disable',
    ],
    ['status --debug', '--debug is not valid with status, only with run, check-config'],
    [
      'list -p x',
      '-p is not valid with list, only with run, status, events, system, explain, check-config, import, clear, mqtt-clear, dump',
    ],
    ['create-config --config x', expect.stringMatching(/^--config is not valid with create-config, only with /)],
    ['status --poll-interval 5', '--poll-interval is not valid with status, only with run, check-config'],
    ['check-config a --config b', 'check-config: give FILE or --config, not both'],
    ['dump a -p b', 'dump: give FILE or --persistence-file, not both'],
    ['import', 'import: missing FILE; usage: gatewatch import FILE'],
    ['import a b', 'import: unexpected argument "b"; usage: gatewatch import FILE'],
    ['status now', 'status: unexpected argument "now"; usage: gatewatch status'],
    ['run --clear', '--clear cannot be combined with the command run'],
    ['--clear --create-config x', '--clear and --create-config cannot be used together'],
    ['completion tcsh', 'completion is not available for "tcsh", only for bash, zsh, fish'],
    ['events --kind crsh', '--kind: unknown kind "crsh": did you mean crash?'],
    ['events --limit 0', '--limit: "0" is not a whole number from 1 to 10000'],
    ['events --limit x', '--limit: "x" is not a whole number from 1 to 10000'],
    ['events --unit a/b', `--unit: "a/b" is a path; use the unit name that 'systemctl status a/b' shows`],
  ])('"%s"', (line, problem) => {
    expect(parseArguments(line.split(' '))).toEqual({ problem })
  })
})

test.each([
  ['--servces a', null],
  ['status --jsn', 'status'],
  ['--jsn status', 'status'],
  ['-- status', null],
])('"%s" is about the command %s', (line, command) => {
  expect(commandIn(line.split(' '))).toBe(command)
})
