// gatewatch version: version, revision, Node.js version and target of this build.
import type { Console, ExitCode } from '../console.ts'

/** What the build records about the Node.js inside an executable. */
export interface EmbeddedNode {
  /** Last day of support (`2028-04-30`); null if the build does not know it. */
  readonly supported_until: string | null
  /** Of the official Node.js executable, before it was stripped. */
  readonly sha256: string
  /** It was past its end of life when it was built in, which `--allow-end-of-life` permitted. */
  readonly end_of_life_allowed: boolean
}

/** For the script, which runs on the Node.js of the system, the last three are null, null and false. */
export interface Build {
  readonly version: string
  readonly revision: string
  readonly node_version: string
  readonly target: string
  readonly node_supported_until: string | null
  readonly node_sha256: string | null
  readonly node_end_of_life_allowed: boolean
}

export function version(build: Build, json: boolean, out: Console): ExitCode {
  const { version: number, revision, node_version, target, node_supported_until: ends } = build
  const isOver = ends !== null && new Date(out.now()).toISOString().slice(0, 10) > ends
  const allowed = build.node_end_of_life_allowed ? ' (allowed by --allow-end-of-life)' : ''
  const node = `Node.js ${node_version}${isOver ? `, end of life since ${ends}${allowed}` : ''}`
  out.stdout(json ? `${JSON.stringify(build)}\n` : `gatewatch ${number} (${revision}, ${node}, ${target})\n`)
  return 0
}
