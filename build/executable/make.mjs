// Puts the application into a Node executable, by Node's own procedure for single executables.
//
// One way for all targets. pkg's SEA mode adds nothing to it (it is the same procedure, with a download of its own), knows
// no armv7, and makes the blob with the build machine's Node: its code cache is for the wrong CPU. Here the target's own
// Node makes the blob, under emulation: the cache is valid, and the start is a third faster.
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTool } from './run.mjs'
import { TARGETS } from './targets.mjs'

const POSTJECT = fileURLToPath(import.meta.resolve('postject/dist/cli.js'))
/** Node's, from its documentation of single executables. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/**
 * What keeps V8 small (build/README.md has the numbers). Part of the executable from Node 24 on; an older one refuses them
 * in NODE_OPTIONS and ignores them later, and has src/host/v8-flags.ts alone.
 */
const FLAGS = ['--optimize-for-size', '--max-semi-space-size=1', '--no-opt', '--no-maglev', '--single-threaded-gc']
export const flagsFor = (version) => (Number(version.split('.')[0]) >= 24 ? FLAGS : [])

/** What the executable's bytes depend on, beside its base and its script. */
export const PROCEDURE = readFileSync(new URL(import.meta.url), 'utf8')

/** `work` is a directory that holds `gatewatch.cjs`, made for this target. */
export function makeExecutable({ arch, base, work, to }) {
  const flags = flagsFor(base.version)
  const config = {
    main: 'gatewatch.cjs', // relative: the blob holds this name, and must not hold where it was built
    output: 'gatewatch.blob',
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    ...(flags.length > 0 && { execArgv: flags }),
  }
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config))
  // A code cache is only valid under the flags it was made with. V8 hashes strings by a random seed, which shows in the
  // cache; --random-seed makes it the same each time and is no part of what must match.
  const node = [...TARGETS[arch].run, base.path, ...flags, '--random-seed=1']
  runTool([...node, '--experimental-sea-config', 'sea.json'], { cwd: work, env: { PATH: process.env.PATH } })

  const half = `${to}.${process.pid}.half`
  try {
    copyFileSync(base.path, half)
    const blob = join(work, 'gatewatch.blob')
    runTool([process.execPath, POSTJECT, half, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE])
    renameSync(half, to) // whoever starts it meanwhile has the old one or the new one
  } finally {
    rmSync(half, { force: true })
  }
}
