// Problems of a configuration file: each with its line, column and key.
import { describe, expect, test } from 'vitest'
import { problemsOf } from './load-text.ts'

describe('a problem in a file is reported with its place', () => {
  const at = '/etc/gatewatch/config.json'
  const value = 'a value (text in double quotes, a number, true, false, null, [...] or {...})'
  test.each([
    ['{\n  "prometheus_prot": 1\n}', `${at}:2:3: prometheus_prot: unknown key: did you mean prometheus_port?`],
    ['{"mqtt": {"host": "b"}}', `${at}:1:11: mqtt.host: unknown key: did you mean mqtt.url?`],
    ['\0{}', `${at}:1:1: not JSON: expected ${value}, found \\x00`],
    ['{"services": []}', `${at}:1:2: services: unknown key: did you mean monitored_services?`],
    ['{"mqtt": {"urll": "x"}}', `${at}:1:11: mqtt.urll: unknown key: did you mean mqtt.url?`],
    ['{"mqtt.url": "mqtt://x"}', `${at}:1:2: mqtt.url: must be nested: "mqtt": { "url": ... }`],
    ['{"socket": "/x"}', `${at}:1:2: socket: cannot be set in the file; use --socket or GATEWATCH_SOCKET`],
    ['{"mqtt": true}', `${at}:1:10: mqtt: true is not an object: { ... }`],
    ['{"debug": "yes"}', `${at}:1:11: debug: "yes" is not true or false`],
    ['{"mqtt": {"commands": "Force"}}', `${at}:1:23: mqtt.commands: "Force" is not true, false or "force"`],
    ['{"debug": 1, "debug": true}', `${at}:1:14: debug: duplicate key`],
    ['{"prometheus_port": 70000}', `${at}:1:21: prometheus_port: 70000 is not a whole number from 0 to 65535`],
    ['{"prometheus_port": "9100"}', `${at}:1:21: prometheus_port: "9100" is not a whole number from 0 to 65535`],
    ['{"flush_interval": 0.5}', `${at}:1:20: flush_interval: 0.5 is not a whole number from 1 to 86400`],
    ['{"monitored_services": "a"}', `${at}:1:24: monitored_services: "a" is not a list of unit names`],
    ['{"monitored_services": []}', `${at}:1:24: monitored_services: [] is empty, expected at least 1`],
    [
      '{"monitored_services": ["a", "b"], "max_units": 1}',
      `${at}:1:24: monitored_services: has 2 names, more than max_units (1)`,
    ],
    ['{"monitored_services": ["a", 3]}', `${at}:1:30: monitored_services[1]: 3 is not a unit name`],
    [
      '{"gateway_id": "a b"}',
      `${at}:1:16: gateway_id: "a b" is not made of letters, digits, "_", "-" and "." (1 to 128 characters)`,
    ],
    ['{"log_format": "xml"}', `${at}:1:16: log_format: "xml" is not text or json`],
    ['{"persistence_file": null}', `${at}:1:22: persistence_file: null is not the path of a file`],
    [
      '{"persistence_file": "/var/"}',
      `${at}:1:22: persistence_file: "/var/" is a directory, expected the path of a file`,
    ],
    ['{"listen": "9100"}', `${at}:1:12: listen: "9100" is not an address; use ":9100" for port 9100 on all addresses`],
    ['{"listen": "::1:x"}', `${at}:1:12: listen: "::1:x" is not an address such as 127.0.0.1, [::1]:9100, :9100`],
    ['{"mqtt": {"url": "broker:1883"}}', `${at}:1:18: mqtt.url: "broker:1883" is not a URL; use mqtt://broker:1883`],
    [
      '{"mqtt": {"url": "http://b"}}',
      `${at}:1:18: mqtt.url: "http://b" is not an MQTT URL: it must begin with mqtt://, mqtts:// or mqtt+unix://`,
    ],
    [
      '{"mqtt": {"url": "unix:///x"}}',
      `${at}:1:18: mqtt.url: "unix:///x" is not an MQTT URL; for a socket use mqtt+unix:///path`,
    ],
    [
      '{"mqtt": {"url": "mqtt://b:1883/gw"}}',
      `${at}:1:18: mqtt.url: "mqtt://b:1883/gw" has a path, which MQTT does not use; end the URL after host and port`,
    ],
    [
      '{"mqtt": {"url": "mqtts://b?x=1"}}',
      `${at}:1:18: mqtt.url: "mqtts://b?x=1" has parameters, which MQTT does not use; end the URL after host and port`,
    ],
    ['{"mqtt": {"prefix": "a/#"}}', `${at}:1:21: mqtt.prefix: "a/#" contains "#" or "+", which are MQTT wildcards`],
    ['{"mqtt": {"keepalive": 0}}', `${at}:1:24: mqtt.keepalive: 0 is not a whole number from 1 to 65535`],
    ['{"mqtt": {"cert_file": "/c"}}', `${at}:1:24: mqtt.cert_file: requires mqtt.key_file as well`],
    [
      '{"log_file": "/a", "events_file": "/a"}',
      `${at}:1:35: events_file: is the same file as log_file; use different files`,
    ],
    [
      '{"http": {"allowed_hosts": ["a b"]}}',
      `${at}:1:29: http.allowed_hosts[0]: "a b" is not a host name or an IP address`,
    ],
    ['', `${at}: the file is empty; for the defaults, write {} to the file`],
    ['// {}', `${at}:1:6: not JSON: expected ${value}, but the file ends`],
    ['[]', `${at}:1:1: expected an object: { "key": value, ... }`],
    ['{"debug": true', `${at}:1:15: not JSON: expected "," or "}", but the file ends`],
    ['{"debug": true\n "listen": ""}', `${at}:2:2: not JSON: expected "," between two entries, found "listen"`],
    ['{"debug" true}', `${at}:1:10: not JSON: expected ":" after the key, found true`],
    ['{debug: true}', `${at}:1:2: not JSON: expected a key in double quotes, found debug`],
    ["{'debug': true}", `${at}:1:2: not JSON: expected a key in double quotes, found 'debug'`],
    ['{"debug": True}', `${at}:1:11: not JSON: expected ${value}, found True`],
    ['{"log_file": "a\n"}', `${at}:1:14: not JSON: expected a closing double quote on the same line, found "a`],
    ['{/* x', `${at}:1:2: not JSON: expected "*/" at the end of the comment, found /* x`],
  ])('%j', async (file, problem) => {
    expect((await problemsOf(file))[0]).toBe(problem)
  })

  test('all problems of a file are reported at once', async () => {
    expect(await problemsOf('{"debug": 1, "flush_interval": 0, "nix": 2}')).toEqual([
      `${at}:1:35: nix: unknown key`,
      `${at}:1:11: debug: 1 is not true or false`,
      `${at}:1:32: flush_interval: 0 is not a whole number from 1 to 86400`,
    ])
  })
})

test('a key with control characters does not move the cursor of the terminal, and a long one is cut', async () => {
  const [first] = await problemsOf('{"a\\u001b[2J\\n": 1}')
  expect(first).toMatch(/:1:2: a\\x1b\[2J\\n: unknown key/)
  const [long] = await problemsOf(`{"${'x'.repeat(5_000)}": 1}`)
  expect(long).toMatch(/:1:2: x{900,1000}\.\.\.$/)
})

test.each(['mqtt://[fe80::1%25eth0]', 'mqtts://me@[fe80::1%wlan0.7]:8883', 'mqtt://[::1]/', 'mqtt+unix:///run/b.sock'])(
  '%s is a URL of a broker',
  async (url) => {
    expect(await problemsOf(JSON.stringify({ mqtt: { url } }))).toEqual([])
  },
)

test('ten thousand problems take no more than linear time', async () => {
  const began = process.cpuUsage()
  const problems = await problemsOf(`{\n${'"debug": 1,\n'.repeat(10_000)}"x": 1}`)
  const { user, system } = process.cpuUsage(began)
  expect(problems).toHaveLength(10_001)
  expect(problems[9_999]).toContain('config.json:10002:1: x: unknown key')
  expect((user + system) / 1_000).toBeLessThan(2_500)
})
