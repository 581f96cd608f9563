// Installs what an npm script needs: `node build/setup.mjs demo|test|start|build|bench`. Plain Node: runs before `npm ci`.
// Prints nothing if there is nothing to do.
import { installPackages } from './setup/debian.mjs'
import { bundle } from './setup/dist.mjs'
import { nodeProblem } from './setup/node-version.mjs'
import { installDependencies } from './setup/npm.mjs'

const MODES = ['demo', 'test', 'start', 'build', 'bench']
const mode = process.argv[2]

try {
  if (!MODES.includes(mode)) throw new Error(`usage: node build/setup.mjs ${MODES.join('|')}`)
  const problem = nodeProblem(process.versions.node)
  if (problem) throw new Error(problem)
  installDependencies()
  installPackages(mode)
  bundle({ always: mode === 'build' })
} catch (error) {
  console.error(`setup: ${error.message}`)
  process.exitCode = 1
}
