// Checks an assembled executable. pkg reports success even if the injection failed; its output is then the bare Node.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { nameOf, TARGETS } from './targets.mjs'

/** From Node's documentation of single executable applications; the injection replaces the 0 after it with 1. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** Throws unless the application was injected; `log` is the output of postject, which may contain the reason. */
export function checkInjection({ executable, node, script, log }) {
  const report = existsSync(log) ? stripVTControlCharacters(readFileSync(log, 'utf8')) : 'Error: pkg did not run it'
  const reason = /Error: (.*)/.exec(report)?.[1]
  if (reason) throw notInjected(reason)
  checkSize(executable, node, script)
  if (!readFileSync(executable).includes(`${FUSE}:1`)) throw notInjected('the fuse is not set')
}

/** Throws unless the executable is larger than its Node by the script, at least. */
export function checkSize(executable, node, script) {
  const added = statSync(executable).size - statSync(node).size
  const { size } = statSync(script)
  if (added < size) throw notInjected(`it is ${added} bytes larger than its Node.js; the application has ${size}`)
}

function notInjected(reason) {
  return new Error(`pkg did not put the application into the executable: ${reason}`)
}

/** Throws unless the executable starts, reports this version of Node, and prints no warning: that of a rejected code cache. */
export function checkStart({ arch, executable, version }) {
  const [program, ...args] = [...TARGETS[arch].run, executable, 'version', '--json']
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: {} })
  const problem = error?.message ?? (status === 0 ? stderr : `${stderr}${signal ?? `exit code ${status}`}`)
  if (problem) throw new Error(`the executable for ${arch} does not start without errors: ${problem.trim()}`)
  const { node_version, target } = JSON.parse(stdout)
  if (node_version !== version || target !== nameOf(arch))
    throw new Error(`the executable for ${arch} reports Node ${node_version} and ${target}; expected Node ${version}`)
}
