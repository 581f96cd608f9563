// Merging the layers: their order, and values that contradict each other.
import { describe, expect, test } from 'vitest'
import { loadText } from './load-text.ts'

describe('the order is defaults < file < environment < command line', () => {
  const file = '// a comment\n{"stats_interval": 1, "debug": true, /* another */ "mqtt": {"qos": 0, "keepalive": 5,},}'
  const env = { GATEWATCH_STATS_INTERVAL: '2', GATEWATCH_MQTT_QOS: '2' }

  test('and the origin of each value is recorded', async () => {
    const { config, origins } = await loadText(file, env, '--stats-interval 3')
    expect(config).toMatchObject({ stats_interval: 3, debug: true, mqtt: { qos: 2, keepalive: 5 } })
    expect(origins.get('stats_interval')).toEqual({ origin: 'command line', place: '--stats-interval' })
    expect(origins.get('mqtt.qos')).toEqual({ origin: 'environment', place: 'GATEWATCH_MQTT_QOS' })
    expect(origins.get('mqtt.keepalive')).toEqual({ origin: 'file', place: '/etc/gatewatch/config.json:2:84' })
    expect(origins.get('mqtt.url')).toEqual({ origin: 'default', place: '' })
  })

  test('an invalid value keeps the value of the layer below', async () => {
    const { config, problems } = await loadText(file, { GATEWATCH_STATS_INTERVAL: 'often' })
    expect(config.stats_interval).toBe(1)
    expect(problems.map(({ text }) => text)).toEqual([
      'GATEWATCH_STATS_INTERVAL: "often" is not a whole number from 1 to 86400',
    ])
  })
})

test('--backend command adds a note that watching requires D-Bus', async () => {
  const { config, notes } = await loadText(null, { GATEWATCH_BACKEND: 'command' })
  expect(config.backend).toBe('command')
  expect(notes).toEqual([
    'backend is "command": units are controlled with systemctl, but watching still requires D-Bus',
  ])
})

test('a configured broker that is not enabled is noted', async () => {
  expect((await loadText('{"mqtt": {"url": "mqtt://b"}}')).notes).toEqual([
    'mqtt.url is set, but nothing is published: mqtt.enabled is false',
  ])
})

test('a log file that is the state file under any path to it is a problem, and is not used', async () => {
  const text = '{"persistence_file": "/data/state.ring", "log_file": "/data/./state.ring", "events_file": "/data/e"}'
  const { config, problems } = await loadText(text)
  expect(config).toMatchObject({ persistence_file: '/data/state.ring', log_file: null, events_file: '/data/e' })
  expect(problems.map((problem) => problem.text)).toEqual([
    '/etc/gatewatch/config.json:1:54: log_file: is the same file as persistence_file; use different files',
  ])
  const [wrong] = (await loadText(null, {}, 'clear -p state.ring -l ./state.ring')).problems
  expect(wrong).toMatchObject({ text: '-l: log_file: is the same file as persistence_file; use different files' })
})
