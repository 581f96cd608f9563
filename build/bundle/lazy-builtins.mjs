// Loads some of Node's own modules when one of their exports is first used, not when the bundle starts, because they cost
// memory and start-up time (`npm run bench:memory` prints how much), and few runs of the agent use them.

const LAZY = /^(?:node:)?(crypto|https|tls|zlib)$/

/** The exports are inherited, not own properties, so that esbuild's copy of an imported CommonJS module does not read them. */
const lazily = (name) =>
  `module.exports = Object.create(new Proxy({}, { get: (_, key) => require('node:${name}')[key] }))`

export const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: LAZY }, ({ path, namespace }) =>
      namespace === 'lazy-builtin' ? null : { path: LAZY.exec(path)[1], namespace: 'lazy-builtin' },
    )
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => ({ contents: lazily(path) }))
  },
}
