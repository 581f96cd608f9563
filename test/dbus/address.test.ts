import { describe, expect, it } from 'vitest'
import { busSockets } from '../../src/dbus/address.ts'

describe('bus addresses', () => {
  const cases: [list: string, paths: string[]][] = [
    ['unix:path=/run/dbus/system_bus_socket', ['/run/dbus/system_bus_socket']],
    ['unix:path=/run/a,guid=0123', ['/run/a']],
    ['unix:guid=0123,path=/run/a', ['/run/a']],
    ['unix:path=/run/with%20space', ['/run/with space']],
    ['unix:abstract=/tmp/dbus-x', ['\0/tmp/dbus-x']],
    ['unix:path=/a;unix:path=/b', ['/a', '/b']],
    ['unix:path=/a;', ['/a']],
    ['tcp:host=127.0.0.1,port=1;unix:path=/b', ['/b']],
    ['unixexec:path=ssh;unix:path=/b', ['/b']],
  ]
  it.each(cases)('%s', (list, paths) => {
    expect(busSockets(list).map((socket) => socket.path)).toEqual(paths)
  })

  const invalid: [list: string, message: RegExp][] = [
    ['', /no usable bus address in ""/],
    ['/run/dbus/system_bus_socket', /has no transport/],
    ['tcp:host=localhost', /transport "tcp" is not supported/],
    ['unix:guid=01', /has neither path= nor abstract=/],
    ['unix:path=', /invalid path/],
    [`unix:path=/${'x'.repeat(107)}`, /longer than 107 bytes/],
    ['unix:path=%zz', /invalid path/],
    ['unix:path=/run/a%2cb', /are not supported/],
  ]
  it.each(invalid)('%s is refused with a reason', (list, message) => {
    expect(() => busSockets(list)).toThrow(message)
  })
})
