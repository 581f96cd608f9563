// The builds that a benchmark measures: the bundled agent, and with `--against FILE` another bundle beside it, alternately.
import { parseArgs } from 'node:util'
import { BINARY } from '../rig/gatewatch.ts'

export interface Build {
  readonly name: string
  readonly binary: string
}

const { values, positionals } = parseArgs({
  options: {
    against: { type: 'string' },
    scrapes: { type: 'string', default: '300' },
    every: { type: 'string', default: '110' },
  },
  allowPositionals: true,
})

/** How many scrapes a benchmark of memory makes, and how far apart. */
export const scrapes = Number(values.scrapes)
export const everyMs = Number(values.every)

/** What follows the options on the command line. */
export const operands: readonly string[] = positionals

export const builds: readonly Build[] = [
  { name: 'gatewatch', binary: BINARY },
  ...(values.against === undefined ? [] : [{ name: 'other build', binary: values.against }]),
]
