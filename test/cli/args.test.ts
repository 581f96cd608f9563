// The command line: every option of the former program and of this one, and the words for what is wrong.
import { describe, expect, test } from 'vitest'
import { type Arguments, parseArguments } from '../../src/cli/args.ts'

function parsed(line: string): Arguments {
  const result = parseArguments(line === '' ? [] : line.split(' '))
  if ('problem' in result) throw new Error(result.problem)
  return result
}

function given(line: string): Record<string, unknown> {
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
    ['--services a b status', 'status', []],
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
    expect(given(line)).toEqual(expected)
  })

  test('the flag that gave a value is known, as it was spelled', () => {
    expect(parsed('-p x').overrides.get('persistence_file')).toEqual({ value: 'x', flag: '-p' })
  })

  test('what is accepted from older scripts and means nothing is noted', () => {
    expect(parsed('--poll-interval 5').notes).toEqual([
      '--poll-interval is ignored: systemd tells of every change at once, nothing is polled',
    ])
  })
})

test('options that are no configuration', () => {
  expect(parsed('--config a.json --user')).toMatchObject({ configFile: 'a.json', user: true, json: false })
  expect(parsed('events -f --json --unit mosquitto --kind crash --limit 5')).toMatchObject({
    follow: true,
    json: true,
    unit: 'mosquitto.service',
    kind: 'crash',
    limit: 5,
  })
})

describe('what is wrong is told in one line', () => {
  test.each([
    ['stauts', 'unknown command "stauts": did you mean status?'],
    ['xyzzy', 'unknown command "xyzzy": the nearest known one is run'],
    ['help evnts', 'unknown command "evnts": did you mean events?'],
    ['--servics a', 'unknown option --servics: did you mean --services?'],
    ['--mqtt-url=x', 'unknown option --mqtt-url: did you mean --mqtt?'],
    ['-x', 'unknown option -x: the short ones are -p -l -f -h -v -c'],
    ['--config', '--config needs a value: --config FILE'],
    ['--config --debug', '--config needs a value: --config FILE'],
    ['--services', '--services needs a value: --services U'],
    ['--services --debug', '--services needs a value: --services U'],
    ['--debug=yes', '--debug takes no value, but was given "yes"'],
    ['status --follow', '--follow does not belong to status, only to events'],
    [
      '--json',
      '--json does not belong to run, only to status, events, system, check-config, dump, version, list, show, start, stop, restart, reload, reset-failed, enable, disable',
    ],
    ['import', 'import needs FILE: gatewatch import FILE'],
    ['import a b', 'import takes one word more, not "b": gatewatch import FILE'],
    ['status now', 'status takes nothing more, not "now": gatewatch status'],
    ['run --clear', '--clear is a command itself: leave out "run"'],
    ['--clear --create-config x', '--clear and --create-config are two commands: give one'],
    ['completion zsh', 'no completion for "zsh": only for bash'],
    ['events --kind crsh', '--kind: unknown kind "crsh": did you mean crash?'],
    ['events --limit 0', '--limit: "0" is not a whole number from 1 to 10000'],
    ['events --limit x', '--limit: "x" is not a whole number from 1 to 10000'],
    ['events --unit a/b', `--unit: "a/b" is a path: write the unit name that 'systemctl status a/b' shows`],
  ])('"%s"', (line, problem) => {
    expect(parseArguments(line.split(' '))).toEqual({ problem })
  })
})
