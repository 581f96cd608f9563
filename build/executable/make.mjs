// Injects the application into a Node executable, following Node's own procedure for single executable applications.
//
// The procedure is the same for all targets. pkg's SEA mode has no advantage: it follows the same procedure with downloads
// of its own, does not support armv7, and generates the blob with the build machine's Node, so that the code cache is for
// the wrong CPU. Here the target's own Node generates the blob, under emulation: the cache is valid, and start-up is a
// third faster.
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTool } from './run.mjs'
import { TARGETS } from './targets.mjs'

const POSTJECT = fileURLToPath(import.meta.resolve('postject/dist/cli.js'))
/** From Node's documentation of single executable applications. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/**
 * V8 flags that reduce memory (measurements: build/README.md). Node 24 and newer stores them in the executable; an older
 * Node rejects them in NODE_OPTIONS and ignores them at run time, so that only those of src/host/v8-flags.ts apply.
 */
const FLAGS = ['--optimize-for-size', '--max-semi-space-size=1', '--no-opt', '--no-maglev', '--single-threaded-gc']
export const flagsFor = (version) => (Number(version.split('.')[0]) >= 24 ? FLAGS : [])

/** The bytes of an executable depend on this, besides its base and its script. */
export const PROCEDURE = readFileSync(new URL(import.meta.url), 'utf8')

/** `work` is a directory with a `gatewatch.cjs` that was bundled for this target. */
export function makeExecutable({ arch, base, work, to }) {
  const flags = flagsFor(base.version)
  const config = {
    main: 'gatewatch.cjs', // relative, because the blob contains this path and must not depend on the build directory
    output: 'gatewatch.blob',
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    ...(flags.length > 0 && { execArgv: flags }),
  }
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config))
  // A code cache is valid only with the flags it was generated with. V8 hashes strings with a random seed, which affects
  // the cache; --random-seed makes it reproducible and need not match at run time.
  const node = [...TARGETS[arch].run, base.path, ...flags, '--random-seed=1']
  runTool([...node, '--experimental-sea-config', 'sea.json'], { cwd: work, env: { PATH: process.env.PATH } })

  const partial = `${to}.${process.pid}.partial`
  try {
    copyFileSync(base.path, partial)
    const blob = join(work, 'gatewatch.blob')
    runTool([process.execPath, POSTJECT, partial, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE])
    renameSync(partial, to) // atomic: a process that starts now gets the old file or the new one
  } finally {
    rmSync(partial, { force: true })
  }
}
