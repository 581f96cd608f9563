// Builds dist/gatewatch.cjs, the agent as one script, and its source map beside it (gatewatch.cjs.map), which `npm run trace`
// reads; `--quiet` suppresses the report of sizes.
// `--entry FILE --out FILE` bundles another program in the same way, for tests. For executables: `--target NAME`,
// `--node JSON` (about the Node inside: EmbeddedNode in src/cli/commands/version.ts), and `--packages FILE`, to which the
// names of the bundled packages are written.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as esbuild from 'esbuild'
import { compressedPacks } from './bundle/compressed-packs.mjs'
import { dashboard } from './bundle/dashboard.mjs'
import { lazyBuiltins } from './bundle/lazy-builtins.mjs'
import { packagesIn, sizeReport } from './bundle/report.mjs'
import { shorterBcryptSlices, stubbedPackages } from './bundle/stubs.mjs'
import { revision } from './revision.mjs'
import { OLDEST } from './setup/node-version.mjs'

const { values: options } = parseArgs({
  options: {
    quiet: { type: 'boolean', default: false },
    entry: { type: 'string', default: 'src/main.ts' },
    out: { type: 'string', default: 'dist/gatewatch.cjs' },
    target: { type: 'string', default: 'script' },
    node: { type: 'string', default: 'null' },
    packages: { type: 'string' },
  },
})
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const dashboardPage = await dashboard().catch(() => process.exit(1)) // esbuild has printed the reason

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  mainFields: ['module', 'main'], // jsonc-parser's main is UMD, whose require() calls cannot be bundled
  target: `node${OLDEST.join('.')}`,
  // Turns import() of Node's own modules into require(): in a single executable of Node 20, import() fails at run time.
  supported: { 'dynamic-import': false },
  // Lines are short because Node prints the whole line of an uncaught error.
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
  legalComments: 'none',
  charset: 'ascii', // a single character outside Latin-1 would double the memory of the source
  plugins: [lazyBuiltins, stubbedPackages, shorterBcryptSlices],
  metafile: true,
  write: false,
  logLevel: 'warning',
}
const packs = []
const build = esbuild.build({
  ...common,
  entryPoints: [options.entry],
  outfile: options.out,
  banner: { js: '#!/usr/bin/env node' },
  minifyIdentifiers: true, // 0.8 MB less memory, because Node keeps the text of the script; not in the compressed packs
  sourcemap: 'external',
  sourcesContent: false,
  define: {
    __VERSION__: JSON.stringify(version),
    __REVISION__: JSON.stringify(revision()),
    __TARGET__: JSON.stringify(options.target),
    __NODE__: options.node,
    __DASHBOARD__: JSON.stringify(JSON.stringify(dashboardPage)),
  },
  plugins: [compressedPacks(common, (metafile) => packs.push(metafile)), ...common.plugins],
})
const result = await build.catch(() => process.exit(1)) // esbuild has printed the reason
const metafile = { outputs: Object.assign({}, ...[...packs, result.metafile].map(({ outputs }) => outputs)) }

mkdirSync(dirname(options.out), { recursive: true })
for (const { path, contents, text } of result.outputFiles) {
  const isMap = path.endsWith('.map')
  const to = isMap ? `${options.out}.map` : options.out
  const partial = `${to}.${process.pid}.partial`
  writeFileSync(partial, isMap ? fromRoot(text, dirname(path)) : contents)
  chmodSync(partial, isMap ? 0o644 : 0o755)
  renameSync(partial, to) // atomic: a process that starts now gets the old file or the new one
}
if (options.packages) writeFileSync(options.packages, JSON.stringify(packagesIn(metafile)))
if (!options.quiet) console.log(sizeReport(metafile))

/** A source map whose paths are relative to the source tree, wherever the bundle is built. */
function fromRoot(text, directory) {
  const map = JSON.parse(text)
  const sources = map.sources.map((path) => /[<a-z-]+:.*/.exec(path)?.[0] ?? relative('.', resolve(directory, path)))
  return JSON.stringify({ ...map, sources })
}
