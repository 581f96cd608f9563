// The unit file that create-unit writes: its settings, and the quoting of its command.
import { describe, expect, test } from 'vitest'
import { execLine, type NewUnit, settingProblem, unitFileText } from '../../src/cli/unit-file.ts'

const UNIT: NewUnit = {
  name: 'blink.service',
  command: ['/usr/bin/blink', '--every', '5 s'],
  description: null,
  user: null,
  workingDirectory: null,
  environmentFile: null,
  restart: 'on-failure',
  memoryMax: null,
  userScope: false,
  watchedIn: null,
}

describe('the unit file of create-unit', () => {
  test('is the template with the given settings', () => {
    const unit = {
      ...UNIT,
      description: '100 % blink',
      user: 'daemon',
      workingDirectory: '/srv/a b%',
      environmentFile: '/etc/default/blink',
      restart: 'always',
      memoryMax: '64M',
      watchedIn: '/etc/gatewatch/config.json',
    }
    expect(unitFileText(unit)).toBe(`# Made by 'gatewatch create-unit'; remove it with 'gatewatch remove-unit'.
# Added to monitored_services of /etc/gatewatch/config.json
[Unit]
Description=100 %% blink

[Service]
Type=exec
ExecStart="/usr/bin/blink" "--every" "5 s"
Restart=always
RestartSec=1
User=daemon
WorkingDirectory=/srv/a b%%
EnvironmentFile=/etc/default/blink
MemoryMax=64M

[Install]
WantedBy=multi-user.target
`)
    expect(unitFileText({ ...UNIT, userScope: true })).toContain('WantedBy=default.target\n')
    expect(unitFileText(UNIT)).toContain('Description=/usr/bin/blink --every 5 s\n')
    expect(unitFileText({ ...UNIT, command: ['/b', 'a\nb', '\\'] })).toContain('Description=/b a b \n\n[Service]\n')
  })

  test('quotes every word for systemd', () => {
    expect(execLine(['/a$b', '', '%n', '$HOME', 'say "hi"\\', 'two\nlines\t\x07'])).toBe(
      '"/a$b" "" "%%n" "$$HOME" "say \\"hi\\"\\\\" "two\\nlines\\t\\x07"',
    )
  })

  test.each([
    ['user', 'root; rm', 'is not a user name or user id'],
    ['workingDirectory', 'relative', 'is not an absolute path'],
    ['environmentFile', '/etc/a\\', 'ends with a backslash or a space, which a unit file cannot represent'],
    ['description', 'two\nlines', 'contains a control character'],
    ['restart', 'sometimes', 'is not one of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always'],
    ['memoryMax', 'lots', 'is not a size like 64M or 50%'],
    ['memoryMax', '0', 'is not a size like 64M or 50%'],
    ['memoryMax', '0%', 'is not a size like 64M or 50%'],
    ['memoryMax', '150%', 'is not a size like 64M or 50%'],
  ] as const)('rejects the %s "%s"', (name, value, problem) => {
    expect(settingProblem(name, value)).toBe(problem)
  })

  test.each(['64M', '50%', '100%', 'infinity'])('accepts the memory limit %s', (value) => {
    expect(settingProblem('memoryMax', value)).toBeNull()
  })
})
