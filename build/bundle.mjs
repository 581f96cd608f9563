// Builds dist/gatewatch.cjs, one script with everything in it; `--quiet` without the report of sizes.
// `--entry FILE --out FILE` builds something else by the same rules, for tests. For executables: `--target NAME`,
// `--support-ends DATE` (of the Node inside), and `--packages FILE`, to which the names of the packages in it are written.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import * as esbuild from 'esbuild'
import { apart } from './bundle/apart.mjs'
import { dashboard } from './bundle/dashboard.mjs'
import { packagesIn, sizeReport } from './bundle/report.mjs'
import { bcryptInSlices, withoutDeadWeight } from './bundle/stubs.mjs'
import { revision } from './revision.mjs'
import { OLDEST } from './setup/node-version.mjs'

const { values: options } = parseArgs({
  options: {
    quiet: { type: 'boolean', default: false },
    entry: { type: 'string', default: 'src/main.ts' },
    out: { type: 'string', default: 'dist/gatewatch.cjs' },
    target: { type: 'string', default: 'script' },
    'support-ends': { type: 'string', default: '' },
    packages: { type: 'string' },
  },
})
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const page = await dashboard().catch(() => process.exit(1)) // esbuild has said why

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  mainFields: ['module', 'main'], // jsonc-parser's main is UMD, whose requires cannot be bundled
  target: `node${OLDEST.join('.')}`,
  // import() of Node's own modules becomes require(): a single executable of Node 20 cannot import, and says so only then.
  supported: { 'dynamic-import': false },
  // Names stay and lines stay short, so that a stack trace from the field can be read (Node prints the whole line).
  minifySyntax: true,
  minifyWhitespace: true,
  minifyIdentifiers: false,
  lineLimit: 160,
  legalComments: 'none',
  charset: 'ascii', // one character beyond Latin-1 would double the memory of the source
  plugins: [withoutDeadWeight, bcryptInSlices],
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
  define: {
    __VERSION__: JSON.stringify(version),
    __REVISION__: JSON.stringify(revision()),
    __TARGET__: JSON.stringify(options.target),
    __NODE_SUPPORT_ENDS__: JSON.stringify(options['support-ends']),
    __DASHBOARD__: JSON.stringify(page),
  },
  plugins: [apart(common, (metafile) => packs.push(metafile)), ...common.plugins],
})
const result = await build.catch(() => process.exit(1)) // esbuild has said why
const metafile = { outputs: Object.assign({}, ...[...packs, result.metafile].map(({ outputs }) => outputs)) }

mkdirSync(dirname(options.out), { recursive: true })
const half = `${options.out}.${process.pid}.half`
writeFileSync(half, result.outputFiles[0].contents)
chmodSync(half, 0o755)
renameSync(half, options.out) // whoever starts it meanwhile has the old one or the new one
if (options.packages) writeFileSync(options.packages, JSON.stringify(packagesIn(metafile)))
if (!options.quiet) console.log(sizeReport(metafile))
