import { describe, expect, it } from 'vitest'
import {
  configuredUnits,
  fullName,
  isInstance,
  isUnitName,
  patternMatcher,
  unitAt,
  unitPath,
} from '../../src/systemd/names.ts'

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
  it.each(full)('%s stands for %s', (text, name) => {
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
  it.each(invalid)('"%s" is no unit name', (name) => {
    expect(isUnitName(name)).toBe(false)
  })

  it('knows instances', () => {
    expect(isInstance('sink@a.service')).toBe(true)
    expect(isInstance('sink.service')).toBe(false)
  })

  it('sorts names from patterns, each once, and tells what is neither', () => {
    expect(
      configuredUnits(['b', 'a.service', 'b.service', 'sink@', 'sink@*.service', 'x?', '[z-a]', 'c d', 'tick.timer']),
    ).toEqual({
      names: ['b.service', 'a.service', 'tick.timer'],
      patterns: ['sink@*.service', 'x?.service'],
      invalid: ['[z-a]', 'c d'],
    })
  })

  it('matches as systemd does', () => {
    const matches = patternMatcher(['sink@*.service', 'wirepas-?ink.service', 'tty[!0-3].device', 'edger.*'])
    const names = ['sink@a.service', 'sink@.service', 'sink.service', 'wirepas-sink.service', 'wirepas-ssink.service']
    expect(names.filter(matches)).toEqual(['sink@a.service', 'wirepas-sink.service'])
    expect(
      ['tty1.device', 'tty4.device', 'edger.a.service', 'edger.a.timer', 'edgerX.service'].filter(matches),
    ).toEqual(['tty4.device', 'edger.a.service', 'edger.a.timer'])
  })
})

describe('unit paths', () => {
  const paths: [name: string, path: string][] = [
    ['mosquitto.service', '/org/freedesktop/systemd1/unit/mosquitto_2eservice'],
    ['wirepas-sink-ttys1.service', '/org/freedesktop/systemd1/unit/wirepas_2dsink_2dttys1_2eservice'],
    ['Node-Configuration.service', '/org/freedesktop/systemd1/unit/Node_2dConfiguration_2eservice'],
    ['setup_cell.service', '/org/freedesktop/systemd1/unit/setup_5fcell_2eservice'],
    ['3g@0.service', '/org/freedesktop/systemd1/unit/_33g_400_2eservice'],
    ['-.mount', '/org/freedesktop/systemd1/unit/_2d_2emount'],
    ['dev-x\\x2dy.device', '/org/freedesktop/systemd1/unit/dev_2dx_5cx2dy_2edevice'],
  ]
  it.each(paths)('%s <-> %s', (name, path) => {
    expect(unitPath(name)).toBe(path)
    expect(unitAt(path)).toBe(name)
  })

  it('reads what is escaped oddly, and refuses what is no unit', () => {
    expect(unitAt('/org/freedesktop/systemd1/unit/a_2Eservice')).toBe('a.service')
    expect(unitAt('/org/freedesktop/systemd1/unit/a_zz')).toBe('a_zz')
    expect(unitAt('/org/freedesktop/systemd1/unit/a_2')).toBe('a_2')
    expect(unitAt('/org/freedesktop/systemd1/unit/_')).toBe('')
    for (const path of [
      '/org/freedesktop/systemd1',
      '/org/freedesktop/systemd1/unit/',
      '/org/freedesktop/systemd1/unit/a/b',
      '',
    ]) {
      expect(unitAt(path)).toBeNull()
    }
  })
})
