// Keeps dependencies that gatewatch never runs out of the bundle, by replacing them with stubs.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const stub = (name) => fileURLToPath(new URL(`../stubs/${name}.cjs`, import.meta.url))

/** Import specifier -> stub. */
const STUBS = {
  // dbus-next: polyfills that Node 20 does not need
  jsbi: 'jsbi',
  'safe-buffer': 'safe-buffer',
  // optional native helpers of ws, which works without them
  bufferutil: 'absent',
  'utf-8-validate': 'absent',
  // mqtt: traces, topic aliases, proxies, browsers, and a second copy of Node's streams
  debug: 'debug',
  'lru-cache': 'lru-cache',
  socks: 'socks',
  'worker-timers': 'worker-timers',
  'readable-stream': 'readable-stream',
}

/** bcryptjs yields to the event loop only every 100 ms, which would delay D-Bus signals; shortened to 5 ms. */
export const shorterBcryptSlices = {
  name: 'shorter-bcrypt-slices',
  setup(build) {
    build.onLoad({ filter: /node_modules\/bcryptjs\/index\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8').replace(
        'var MAX_EXECUTION_TIME = 100;',
        'var MAX_EXECUTION_TIME = 5;',
      )
      if (!contents.includes('MAX_EXECUTION_TIME = 5;'))
        throw new Error('bcryptjs: MAX_EXECUTION_TIME not found; adapt this plugin to the new version')
      return { contents }
    })
  },
}

export const stubbedPackages = {
  name: 'stubbed-packages',
  setup(build) {
    const names = Object.keys(STUBS).map((name) => name.replace(/[.]/g, '\\.'))
    build.onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, ({ path }) => ({ path: stub(STUBS[path]) }))
  },
}
