// Keeps out of the bundle what packages drag in and gatewatch never runs.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const stub = (name) => fileURLToPath(new URL(`../stubs/${name}.cjs`, import.meta.url))

/** Imported as -> what is there instead. */
const STUBS = {
  // dbus-next: introspection by XML, session buses by X11 or by a command, polyfills of what Node 20 has
  xml2js: 'xml2js',
  jsbi: 'jsbi',
  'safe-buffer': 'safe-buffer',
  './address-x11': 'address-x11',
  'event-stream': 'absent',
  hexy: 'absent',
  // optional native helpers of dbus-next and ws, each with a way round it
  usocket: 'absent',
  bufferutil: 'absent',
  'utf-8-validate': 'absent',
  // mqtt: proxies, browsers, and a second copy of Node's streams
  socks: 'socks',
  'worker-timers': 'worker-timers',
  'readable-stream': 'readable-stream',
  // debug's colours
  'supports-color': 'absent',
}

/** bcryptjs gives way to others only every 100 ms, in which a signal would wait. */
export const bcryptInSlices = {
  name: 'bcrypt-in-slices',
  setup(build) {
    build.onLoad({ filter: /node_modules\/bcryptjs\/index\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8').replace(
        'var MAX_EXECUTION_TIME = 100;',
        'var MAX_EXECUTION_TIME = 5;',
      )
      if (!contents.includes('MAX_EXECUTION_TIME = 5;')) throw new Error('bcryptjs: its time slice is not where it was')
      return { contents }
    })
  },
}

export const withoutDeadWeight = {
  name: 'without-dead-weight',
  setup(build) {
    const names = Object.keys(STUBS).map((name) => name.replace(/[.]/g, '\\.'))
    build.onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, ({ path, importer }) =>
      path.startsWith('.') && !importer.includes('/node_modules/dbus-next/') ? null : { path: stub(STUBS[path]) },
    )
  },
}
