// gatewatch check-config: every value with its origin, and every problem.
import { describe, expect, test } from 'vitest'
import { checkConfig } from '../../../src/cli/commands/check-config.ts'
import { KEY_NAMES } from '../../../src/config/keys.ts'
import { loadText } from '../../config/load-text.ts'
import { recordingConsole } from '../fake-agent.ts'

describe('check-config', () => {
  test('does not name a file that does not exist as the place of a problem', async () => {
    const out = recordingConsole()
    expect(checkConfig(await loadText(null, { GATEWATCH_DEBUG: 'perhaps' }), [], false, out)).toBe(2)
    expect(out.err()).toBe(
      'error: GATEWATCH_DEBUG: "perhaps" is not true or false\ngatewatch: no configuration file /etc/gatewatch/config.json: 1 problem\n',
    )
  })

  test('shows each value with its origin, and masks secrets', async () => {
    const file = '{"debug": true, "mqtt": {"enabled": true, "url": "mqtt://u:hidden@b"}}'
    const out = recordingConsole()
    const loaded = await loadText(file, { GATEWATCH_STATS_INTERVAL: '5' }, 'check-config --prometheus-port 9200')
    expect(checkConfig(loaded, [], false, out)).toBe(0)
    const lines = out.out().trimEnd().split('\n')
    expect(lines).toHaveLength(KEY_NAMES.length)
    expect(lines).toContain('debug = true  (file: /etc/gatewatch/config.json:1:11)')
    expect(lines).toContain('stats_interval = 5  (environment: GATEWATCH_STATS_INTERVAL)')
    expect(lines).toContain('prometheus_port = 9200  (command line: --prometheus-port)')
    expect(lines).toContain('mqtt.qos = 1  (default)')
    expect(lines).toContain('max_units = 1000  (default; takes effect after a restart)')
    expect(lines).toContain('socket = "/run/gatewatch/gatewatch.sock"  (default)')
    expect(lines).toContain('mqtt.url = "mqtt://u:***@b"  (file: /etc/gatewatch/config.json:1:50)')
    expect(out.out()).not.toContain('hidden')
    expect(out.err()).toBe('gatewatch: /etc/gatewatch/config.json: OK\n')
  })

  test('reports all problems with exit code 2, and with --json prints only JSON on stdout', async () => {
    const out = recordingConsole()
    const loaded = await loadText(
      '{"debug": 1, "flush_intervall": 5, "poll_interval": 1, "mqtt": {"url": "tcp://u:hidden@b"}}',
    )
    expect(checkConfig(loaded, null, true, out)).toBe(2)
    expect(JSON.parse(out.out())).toMatchObject({
      unmatched_patterns: null,
      file: '/etc/gatewatch/config.json',
      config: {
        debug: { value: false, origin: 'default', place: '', applies: 'now' },
        max_units: { applies: 'restart' },
      },
      problems: [{ path: 'flush_intervall' }, { path: 'debug', message: 'is not true or false' }, { path: 'mqtt.url' }],
    })
    expect(out.out() + out.err()).not.toContain('hidden')
    expect(out.err().split('\n').slice(0, 3)).toEqual([
      'note: /etc/gatewatch/config.json:1:36: poll_interval is ignored: systemd reports changes immediately, so nothing is polled',
      'error: /etc/gatewatch/config.json:1:14: flush_intervall: unknown key: did you mean flush_interval?',
      'error: /etc/gatewatch/config.json:1:11: debug: 1 is not true or false',
    ])
    expect(out.err()).toMatch(/gatewatch: \/etc\/gatewatch\/config.json: 3 problems\n$/)
  })

  test('warns of patterns that match no unit, which is not an error', async () => {
    const unmatched = [{ pattern: 'sink-*.service', reason: 'matches nothing' }]
    const loaded = await loadText('{"monitored_services": ["sink-*"]}')
    const out = recordingConsole()
    expect(checkConfig(loaded, unmatched, false, out)).toBe(0)
    expect(out.err()).toBe(
      'warning: monitored_services: sink-*.service: matches nothing\ngatewatch: /etc/gatewatch/config.json: OK\n',
    )
    const jsonOut = recordingConsole()
    checkConfig(loaded, unmatched, true, jsonOut)
    expect(JSON.parse(jsonOut.out())).toMatchObject({ unmatched_patterns: unmatched })
  })

  test('names the file that it read, even if it could not', async () => {
    const out = recordingConsole()
    expect(checkConfig(await loadText(null, {}, 'status --config /none'), null, true, out)).toBe(2)
    expect(out.err()).toMatch(/gatewatch: \/none: 1 problem\n$/)
  })

  test('problems are red on a terminal', async () => {
    const out = recordingConsole({ color: true })
    checkConfig(await loadText('{"debug": 1}'), null, true, out)
    expect(out.err()).toBe(
      '\u001b[31merror: /etc/gatewatch/config.json:1:11: debug: 1 is not true or false\u001b[39m\n' +
        '\u001b[31mgatewatch: /etc/gatewatch/config.json: 1 problem\u001b[39m\n',
    )
  })

  test('reports that there is no configuration file', async () => {
    const out = recordingConsole()
    checkConfig(await loadText(null), null, false, out)
    expect(out.err()).toBe('gatewatch: no configuration file /etc/gatewatch/config.json, using the defaults: OK\n')
  })
})
