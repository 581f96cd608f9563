// gatewatch version: what was built, from what, for what.
import type { Console, ExitCode } from './console.ts'

export interface Build {
  readonly version: string
  readonly revision: string
  readonly node_version: string
  readonly target: string
}

export function version(build: Build, json: boolean, out: Console): ExitCode {
  const { version: number, revision, node_version: node, target } = build
  out.stdout(json ? `${JSON.stringify(build)}\n` : `gatewatch ${number} (${revision}, Node.js ${node}, ${target})\n`)
  return 0
}
