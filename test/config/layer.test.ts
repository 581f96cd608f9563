// The layer of the command line: its values and its problems.
import { describe, expect, test } from 'vitest'
import { loadText, problemsOf } from './load-text.ts'

describe('the command line', () => {
  test.each([
    ['--prometheus-port abc', '--prometheus-port: "abc" is not a whole number from 0 to 65535'],
    ['--prometheus-port -1', '--prometheus-port: -1 is not a whole number from 0 to 65535'],
    ['--services a//b', `--services: "a//b" is a path; use the unit name that 'systemctl status a//b' shows`],
    ['--log-format xml', '--log-format: "xml" is not text or json'],
    ['--bus /run/x', '--bus: "/run/x" is not a D-Bus address such as unix:path=/run/dbus/system_bus_socket'],
    [
      '--config /nowhere',
      "/nowhere: cannot read the configuration file: no such file; create one with 'gatewatch create-config FILE'",
    ],
    [
      '--mqtt mqtt://u:secret@b',
      '--mqtt: a password on the command line is visible to all users and is not accepted; use mqtt.password_file',
    ],
  ])('%s', async (line, problem) => {
    expect(await problemsOf(null, {}, line)).toEqual([problem])
  })

  test('the path of a socket has a limit, beyond which the kernel would get only its beginning', async () => {
    const [problem] = await problemsOf(null, {}, `--socket /run/${'é'.repeat(52)}`)
    expect(problem).toMatch(/^--socket: "\/run\/é.* is longer than 107 bytes, the limit for the path of a socket$/)
    expect(await problemsOf(null, {}, `--socket /run/${'é'.repeat(51)}`)).toEqual([])
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
    const { config, problems } = await loadText(null, {}, line)
    expect(problems).toEqual([])
    expect(config).toMatchObject({ listen, prometheus_port: port })
  })
})
