import { describe, expect, test } from 'vitest'
import { execLine, type NewUnit, settingProblem, unitFileText } from '../../src/cli/unit-file.ts'
import { withoutWatched, withWatched } from '../../src/config/edit-file.ts'

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
  test('is a template with what was asked for', () => {
    const asked = {
      ...UNIT,
      ...{
        description: '100 % blink',
        user: 'nobody',
        workingDirectory: '/srv/a b%',
        environmentFile: '/etc/default/blink',
      },
      ...{ restart: 'always', memoryMax: '64M', watchedIn: '/etc/gatewatch/config.json' },
    }
    expect(unitFileText(asked)).toBe(`# Made by 'gatewatch create-unit': 'gatewatch remove-unit' takes it away again.
# Added to monitored_services of /etc/gatewatch/config.json
[Unit]
Description=100 %% blink

[Service]
Type=exec
ExecStart="/usr/bin/blink" "--every" "5 s"
Restart=always
RestartSec=1
User=nobody
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

  test('quotes words as systemd reads them', () => {
    expect(execLine(['/a$b', '', '%n', '$HOME', 'say "hi"\\', 'two\nlines\t\x07'])).toBe(
      '"/a$b" "" "%%n" "$$HOME" "say \\"hi\\"\\\\" "two\\nlines\\t\\x07"',
    )
  })

  test.each([
    ['user', 'root; rm', 'is not the name or number of a user'],
    ['workingDirectory', 'relative', 'is not an absolute path'],
    ['environmentFile', '/etc/a\\', 'ends in a way that a unit file cannot hold'],
    ['description', 'two\nlines', 'holds a control character'],
    ['restart', 'sometimes', 'is none of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always'],
    ['memoryMax', 'lots', 'is not a size like 64M'],
  ] as const)('holds no %s "%s"', (name, value, problem) => {
    expect(settingProblem(name, value)).toBe(problem)
  })
})

describe('monitored_services of a configuration', () => {
  const FILE = `{
  // ours
  "monitored_services": ["a.service", /* main */ "b.service"],
  "debug": true
}
`

  test('takes a unit in at its end and out again, and keeps the rest of the file', () => {
    const added = withWatched(FILE, 'blink.service', ['a.service', 'b.service'])
    expect(added).toContain('// ours')
    expect(added).toMatch(/\/\* main \*\/\s*"b.service",\s*"blink.service"\s*\]/)
    expect(withoutWatched(added ?? '', 'blink.service')).toMatch(/"b.service"\s*\],\n {2}"debug": true/)
  })

  test('is made of what is watched, where the file or the list is not there', () => {
    expect(JSON.parse(withWatched(null, 'blink.service', ['a.service']) ?? '')).toEqual({
      monitored_services: ['a.service', 'blink.service'],
    })
    expect(JSON.parse(withWatched('{"debug": true}', 'blink.service', ['a.service']) ?? '')).toEqual({
      debug: true,
      monitored_services: ['a.service', 'blink.service'],
    })
  })

  test('stays as it is where there is nothing to change', () => {
    expect(withWatched(FILE, 'a.service', ['a.service', 'b.service'])).toBeNull()
    expect(withoutWatched(FILE, 'blink.service')).toBeNull()
  })
})
