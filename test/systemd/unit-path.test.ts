import { describe, expect, it } from 'vitest'
import { unitAt, unitPath } from '../../src/systemd/unit-path.ts'

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

  it('accepts unusual escapes, and rejects paths that are not units', () => {
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
