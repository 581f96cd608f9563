// gatewatch version: version, revision, Node.js version and target of this build.
import type { Console, ExitCode } from '../console.ts'

export interface Build {
  readonly version: string
  readonly revision: string
  readonly node_version: string
  readonly target: string
  /** Last day of support of the embedded Node.js; null for the script, which runs on the Node.js of the system. */
  readonly node_supported_until: string | null
}

export function version(build: Build, json: boolean, out: Console): ExitCode {
  const { version: number, revision, node_version, target, node_supported_until: ends } = build
  const isOver = ends !== null && Date.parse(ends) < out.now()
  const node = `Node.js ${node_version}${isOver ? `, end of life since ${ends}` : ''}`
  out.stdout(json ? `${JSON.stringify(build)}\n` : `gatewatch ${number} (${revision}, ${node}, ${target})\n`)
  return 0
}
