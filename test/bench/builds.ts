// The builds that a benchmark measures: the bundled agent, and with `--against FILE` another bundle beside it, alternately.
import { parseArgs } from 'node:util'
import { BINARY } from '../rig/gatewatch.ts'

export interface Build {
  readonly name: string
  readonly binary: string
}

const { values, positionals } = parseArgs({ options: { against: { type: 'string' } }, allowPositionals: true })

/** What follows the options on the command line. */
export const operands: readonly string[] = positionals

export const builds: readonly Build[] = [
  { name: 'gatewatch', binary: BINARY },
  ...(values.against === undefined ? [] : [{ name: 'other build', binary: values.against }]),
]
