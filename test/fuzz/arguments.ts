// The command line of the fuzzer.
import { parseArgs } from 'node:util'
import { TARGETS, type TargetName } from './target-names.ts'
import { LARGEST_SEED } from './worker.ts'

export interface FuzzArguments {
  readonly targets: readonly TargetName[]
  readonly seed: number
  /** Of one target. */
  readonly seconds: number
  /** Repeats one input instead. */
  readonly path: string | null
  readonly seededBugs: boolean
}

const SECONDS = 30

export const USAGE = `npm run fuzz -- [--minutes N] [--target T] [--seed S [--path P]] [--seeded-bugs]
  --minutes      time for all targets together; by default ${SECONDS} s for each
  --target       only this one: ${TARGETS.join(', ')}
  --seed         the same seed tries the same inputs; with --path, one input is repeated and shrunk
  --seeded-bugs  also breaks one check of the code at a time, in memory, and shows how soon that is found`

/** Throws an error with a message for the user if an argument is invalid. */
export function parseFuzzArguments(args: readonly string[], randomSeed: number): FuzzArguments {
  const option = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: option, target: option, seed: option, path: option, 'seeded-bugs': { type: 'boolean' } },
  })
  const targets = values.target === undefined ? TARGETS : TARGETS.filter((target) => target === values.target)
  if (targets.length === 0) throw new Error(`--target must be one of ${TARGETS.join(', ')}, not '${values.target}'`)
  if (values.path !== undefined && (values.seed === undefined || values.target === undefined))
    throw new Error('--path requires --target and --seed, as in the report of the crash')
  const seed = values.seed === undefined ? randomSeed : Number(values.seed)
  if (!Number.isInteger(seed) || seed < 0 || seed > LARGEST_SEED)
    throw new Error(`--seed requires a whole number from 0 to ${LARGEST_SEED}, not '${values.seed}'`)
  const minutes = values.minutes === undefined ? (targets.length * SECONDS) / 60 : Number(values.minutes)
  if (!(minutes > 0)) throw new Error(`--minutes requires a number above 0, not '${values.minutes}'`)
  return {
    targets,
    seed,
    seconds: (minutes * 60) / targets.length,
    path: values.path ?? null,
    seededBugs: values['seeded-bugs'] === true,
  }
}
