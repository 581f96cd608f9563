// gatewatch version: what was built, from what, for what.
import type { Console, ExitCode } from '../console.ts'

export interface Build {
  readonly version: string
  readonly revision: string
  readonly node_version: string
  readonly target: string
  /** The day that support of the Node inside ends; null for the script, whose Node is not ours. */
  readonly node_supported_until: string | null
}

export function version(build: Build, json: boolean, out: Console): ExitCode {
  const { version: number, revision, node_version, target, node_supported_until: ends } = build
  const isOver = ends !== null && Date.parse(ends) < out.now()
  const node = `Node.js ${node_version}${isOver ? `, past its end of life since ${ends}` : ''}`
  out.stdout(json ? `${JSON.stringify(build)}\n` : `gatewatch ${number} (${revision}, ${node}, ${target})\n`)
  return 0
}
