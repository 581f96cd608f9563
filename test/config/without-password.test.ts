// Passwords in URLs are masked wherever they can be printed: values, problems, notes, and errors of the command line.
import { describe, expect, test } from 'vitest'
import { type Arguments, parseArguments } from '../../src/cli/args.ts'
import { checkConfig } from '../../src/cli/commands/check-config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { withoutPassword } from '../../src/config/without-password.ts'
import { recordingConsole } from '../cli/fake-agent.ts'

test.each([
  ['mqtt://u:p@h', 'mqtt://u:***@h'],
  ['mqtt://user:a:b@h:1883', 'mqtt://user:***@h:1883'],
  ['mqtt://user:p@ss@h', 'mqtt://user:***@h'],
  ['mqtts://us@er:secret@h', 'mqtts://us%40er:***@h'],
  ['mqtt://:secret@h', 'mqtt://:***@h'],
  ['http://u:p@h/write?x=1', 'http://u:***@h/write?x=1'],
  // The parser takes the first for a port or a path, and rejects the others.
  ['mqtt://u:12/34@h', 'mqtt://***@h'],
  ['mqtt://u/p:x@h', 'mqtt://***@h'],
  ['mqtt://u:p/w@h', 'mqtt://***@h'],
  ['mqtt://u:p w@h:99999', 'mqtt://***@h:99999'],
  ['mqtt://u:secret', 'mqtt://u:***'],
  ['mqtt+unix://u:p@/run/x', 'mqtt+unix://***@/run/x'],
  ['mqtt://u:p@[fe80::1%25eth0]', 'mqtt://***@[fe80::1%25eth0]'],
  ['user:secret@h', '***@h'],
  ['mqtt:user:secret@h', '***@h'],
])('%s is shown as %s', (text, shown) => {
  expect(withoutPassword(text)).toBe(shown)
})

test.each([
  '',
  'mqtt://127.0.0.1:1883',
  'mqtt://user@h',
  'mqtt+unix:///run/mosquitto.sock',
  'unix:/run/x',
  'mqtt://[fe80::1%25eth0]',
  'broker:1883',
  'sink@1.service',
  'a b',
])('%j contains no password', (text) => {
  expect(withoutPassword(text)).toBe(text)
})

/** Its pieces are found in nothing else. */
const PIECES = ['Zq1', 'Zq2']
const PASSWORDS = [
  'Zq1Zq2',
  'Zq1:Zq2',
  'Zq1@Zq2',
  'Zq1/Zq2',
  '12/Zq2',
  'Zq1 Zq2',
  'Zq1"Zq2',
  'Zq1%Zq2',
  'Zq1#Zq2',
  'Zq1?Zq2',
]
const URLS = PASSWORDS.flatMap((password) => [
  `mqtt://user:${password}@host`,
  `mqtt://us@er:${password}@host:70000`,
  `tcp://user:${password}@host`,
  `mqtt://user:${password}@`,
  `user:${password}@host`,
])
const FILES = URLS.flatMap((url) => [
  JSON.stringify({ mqtt: { enabled: true, url } }),
  `{"mqtt": {"url": "${url}"}}`,
  `{"mqtt": {"url": "${url}}}\n`,
  `{"mqtt": {"url": ${url}}}`,
  `{"mqtt": {"url" "${url}"}}`,
  JSON.stringify({ mqtt: url, http: { allowed_hosts: [url] }, statsd: { address: url }, listen: url }),
  JSON.stringify({ mqtt: { url: [url], qos: { url } }, [url]: 1 }),
])

/** Everything that the configuration prints, as text and as JSON. */
async function printed(file: string, env: Record<string, string> = {}): Promise<string> {
  const args = parseArguments([]) as Arguments
  const loaded = await loadConfig(args, { env, uid: 1000, readText: () => file })
  const out = recordingConsole()
  checkConfig(loaded, null, false, out)
  checkConfig(loaded, null, true, out)
  return out.out() + out.err()
}

const leaks = (text: string) => PIECES.filter((piece) => text.includes(piece))

describe('no piece of a password is printed', () => {
  test('of a configuration file, whatever is wrong with it', async () => {
    for (const file of FILES) expect([file, leaks(await printed(file))]).toEqual([file, []])
  })

  test('of a file that was cut anywhere', async () => {
    for (const file of FILES.slice(0, 7)) {
      for (let end = 0; end < file.length; end++) {
        const torn = file.slice(0, end)
        expect([torn, leaks(await printed(torn))]).toEqual([torn, []])
      }
    }
  })

  test('of a variable, or of the command line', async () => {
    for (const url of URLS) {
      expect([url, leaks(await printed('{}', { GATEWATCH_MQTT_URL: url }))]).toEqual([url, []])
      for (const words of [['--mqtt', url], [`--mqtt=${url}`], ['run', '--log-format', url]]) {
        const args = parseArguments(words)
        const problems =
          'problem' in args
            ? [args.problem]
            : (await loadConfig(args, { env: {}, uid: 0, readText: () => '{}' })).problems.map(({ text }) => text)
        expect([words, leaks(problems.join())]).toEqual([words, []])
      }
    }
    const unexpected = parseArguments(['run', 'mqtt://user:Zq1@Zq2@host'])
    expect(unexpected).toEqual({ problem: expect.stringContaining('mqtt://***@host') })
  })
})
