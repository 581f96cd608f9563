// Unit names as people write them.
import { expect, test } from 'vitest'
import { unitName } from '../../src/core/unit-name.ts'

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
  ['', 'is empty: write a unit name'],
  ['a b', 'is not a unit name: " " cannot be in one'],
  ['mosquitto;', 'is not a unit name: ";" cannot be in one'],
  ['/etc/x.service', "is a path: write the unit name that 'systemctl status /etc/x.service' shows"],
  ['sink@.service', 'is a template: write sink@*.service for its instances'],
  ['sink@', 'is a template: write sink@*.service for its instances'],
  ['.service', 'is not a unit name: nothing stands before its type'],
  ['x'.repeat(250), 'is longer than the 255 characters that systemd allows'],
])('%j %s', (text, wrong) => {
  expect(unitName(text)).toEqual({ wrong })
})
