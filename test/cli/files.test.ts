// create-config and check-config: what the one writes, the other finds good.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Arguments, parseArguments } from '../../src/cli/args.ts'
import { checkConfig } from '../../src/cli/commands/check-config.ts'
import { configText, createConfig } from '../../src/cli/commands/create-config.ts'
import { KEY_NAMES, rowOf, variableOf } from '../../src/config/keys.ts'
import { loadConfig } from '../../src/config/load.ts'
import { SYSTEM_PATHS } from '../../src/config/paths.ts'
import { recordingConsole, temporaryDirectory } from './fake-agent.ts'

function load(file: string | null, env: Record<string, string> = {}, line = 'check-config') {
  const readText = (path: string) => {
    if (file !== null) return file
    throw Object.assign(new Error(path), { code: 'ENOENT' })
  }
  return loadConfig(parseArguments(line.split(' ')) as Arguments, { env, uid: 0, readText })
}

describe('create-config', () => {
  test('writes every key with its default, and reading it gives exactly the defaults', async () => {
    const text = configText(SYSTEM_PATHS)
    const written = await load(text)
    expect({ problems: written.problems, notes: written.notes.filter((note) => !note.startsWith('mqtt.url')) }).toEqual(
      {
        problems: [],
        notes: [],
      },
    )
    expect(written.config).toEqual((await load(null)).config)
    for (const key of KEY_NAMES.filter((one) => rowOf(one).inFile !== false)) {
      expect(text).toContain(`(${variableOf(key)})`)
      expect(written.origins.get(key)?.origin, key).toBe('file')
    }
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })

  test('makes the directory, says where it wrote, and never overwrites', () => {
    using directory = temporaryDirectory()
    const path = join(directory.path, 'etc', 'config.json')
    const out = recordingConsole()
    expect(createConfig(path, SYSTEM_PATHS, out)).toBe(0)
    expect(out.err()).toBe(`gatewatch: wrote ${path}; 'gatewatch check-config ${path}' checks it\n`)
    expect(readFileSync(path, 'utf8')).toBe(configText(SYSTEM_PATHS))
    writeFileSync(path, 'mine')
    const again = recordingConsole()
    expect(createConfig(path, SYSTEM_PATHS, again)).toBe(1)
    expect(again.err()).toBe(
      `gatewatch: ${path} is there already and is not overwritten: name another file, or "-" for stdout\n`,
    )
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })

  test('tells why it cannot write', () => {
    using directory = temporaryDirectory()
    writeFileSync(join(directory.path, 'file'), '')
    mkdirSync(join(directory.path, 'd'))
    const out = recordingConsole()
    expect(createConfig(join(directory.path, 'file', 'x'), SYSTEM_PATHS, out)).toBe(1)
    expect(out.err()).toMatch(
      /file\/x cannot be written \(E(NOTDIR|EXIST): .*\): name another file, or "-" for stdout\n$/,
    )
    expect(createConfig(join(directory.path, 'd'), SYSTEM_PATHS, out)).toBe(1)
  })

  test('to "-" writes on stdout', () => {
    const out = recordingConsole()
    createConfig('-', SYSTEM_PATHS, out)
    expect(out.out()).toBe(configText(SYSTEM_PATHS))
    expect(out.err()).toBe('')
  })
})

describe('check-config', () => {
  test('shows each value with its origin, and masks secrets', async () => {
    const file = '{"debug": true, "mqtt": {"enabled": true, "url": "mqtt://u:hidden@b"}}'
    const out = recordingConsole()
    const loaded = await load(file, { GATEWATCH_STATS_INTERVAL: '5' }, 'check-config --prometheus-port 9200')
    expect(checkConfig(loaded, false, out)).toBe(0)
    const lines = out.out().trimEnd().split('\n')
    expect(lines).toHaveLength(KEY_NAMES.length)
    expect(lines).toContain('debug = true  (file: /etc/gatewatch/config.json:1:11)')
    expect(lines).toContain('stats_interval = 5  (environment: GATEWATCH_STATS_INTERVAL)')
    expect(lines).toContain('prometheus_port = 9200  (command line: --prometheus-port)')
    expect(lines).toContain('mqtt.qos = 1  (default)')
    expect(lines).toContain('mqtt.url = "mqtt://u:***@b"  (file: /etc/gatewatch/config.json:1:50)')
    expect(out.out()).not.toContain('hidden')
    expect(out.err()).toBe('gatewatch: /etc/gatewatch/config.json: good\n')
  })

  test('tells all problems, exit code 2, and --json stays alone on stdout', async () => {
    const out = recordingConsole()
    const loaded = await load(
      '{"debug": 1, "flush_intervall": 5, "poll_interval": 1, "mqtt": {"url": "tcp://u:hidden@b"}}',
    )
    expect(checkConfig(loaded, true, out)).toBe(2)
    expect(JSON.parse(out.out())).toMatchObject({
      file: '/etc/gatewatch/config.json',
      config: { debug: { value: false, origin: 'default', place: '' } },
      problems: [{ path: 'flush_intervall' }, { path: 'debug', message: 'is not true or false' }, { path: 'mqtt.url' }],
    })
    expect(out.out() + out.err()).not.toContain('hidden')
    expect(out.err().split('\n').slice(0, 3)).toEqual([
      'note: /etc/gatewatch/config.json:1:36: poll_interval is ignored: systemd tells of every change at once, nothing is polled',
      'error: /etc/gatewatch/config.json:1:14: flush_intervall: unknown key: did you mean flush_interval?',
      'error: /etc/gatewatch/config.json:1:11: debug: 1 is not true or false',
    ])
    expect(out.err()).toMatch(/gatewatch: \/etc\/gatewatch\/config.json: 3 problems\n$/)
  })

  test('without a file says so', async () => {
    const out = recordingConsole()
    checkConfig(await load(null), false, out)
    expect(out.err()).toBe('gatewatch: no file (/etc/gatewatch/config.json is not there): good\n')
  })
})
