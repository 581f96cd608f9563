// Unit names as users write them.
import { describe, expect, it, test } from 'vitest'
import { fullName, isInstance, isUnitName, unitName } from '../../src/core/unit-name.ts'

test.each([
  ['mosquitto', 'mosquitto.service'],
  [' mosquitto ', 'mosquitto.service'],
  ['mosquitto.service', 'mosquitto.service'],
  ['edger.endries', 'edger.endries.service'],
  ['dbus.socket', 'dbus.socket'],
  ['-.mount', '-.mount'],
  ['sink@1', 'sink@1.service'],
  ['sink@*.service', 'sink@*.service'],
  ['wirepas-*', 'wirepas-*.service'],
  ['edger.*', 'edger.*'],
  ['sink-[0-9]', 'sink-[0-9].service'],
  ['dev-disk-by\\x2did.device', 'dev-disk-by\\x2did.device'],
])('%j is %j', (text, name) => {
  expect(unitName(text)).toEqual({ value: name })
})

test.each([
  ['', 'is empty, expected a unit name'],
  ['a b', 'is not a unit name: " " is not allowed'],
  ['mosquitto;', 'is not a unit name: ";" is not allowed'],
  ['/etc/x.service', "is a path; use the unit name that 'systemctl status /etc/x.service' shows"],
  ['sink@.service', 'is a template; use sink@*.service for its instances'],
  ['sink@', 'is a template; use sink@*.service for its instances'],
  ['.service', 'is not a unit name: the part before the type is empty'],
  ['x'.repeat(250), 'is longer than the 255 characters that systemd allows'],
])('%j %s', (text, wrong) => {
  expect(unitName(text)).toEqual({ wrong })
})

describe('unit names', () => {
  const full: [text: string, name: string][] = [
    ['mosquitto', 'mosquitto.service'],
    ['mosquitto.service', 'mosquitto.service'],
    ['edger.endries', 'edger.endries.service'],
    ['logrotate.timer', 'logrotate.timer'],
    ['-.mount', '-.mount'],
    ['sink@ttys1', 'sink@ttys1.service'],
    ['sink@*', 'sink@*.service'],
    ['edger.*', 'edger.*'],
  ]
  it.each(full)('%s means %s', (text, name) => {
    expect(fullName(text)).toBe(name)
  })

  const valid = ['a.service', '-.mount', 'x@y.service', 'x@.y.service', 'dev-disk-by\\x2duuid-1.device', 'a_b:c.socket']
  it.each(valid)('%s is a unit name', (name) => {
    expect(isUnitName(name)).toBe(true)
  })

  const invalid = [
    'a',
    'a.exe',
    '.service',
    '@a.service',
    'x@.service',
    'a b.service',
    'a/b.service',
    'ä.service',
    `${'a'.repeat(248)}.service`,
    '',
  ]
  it.each(invalid)('"%s" is not a unit name', (name) => {
    expect(isUnitName(name)).toBe(false)
  })

  it('recognises instances of templates', () => {
    expect(isInstance('sink@a.service')).toBe(true)
    expect(isInstance('sink.service')).toBe(false)
  })
})
