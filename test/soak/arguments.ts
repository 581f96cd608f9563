// The command line of the soak test.
import { parseArgs } from 'node:util'
import { VARIANTS, type Variant } from './plan.ts'

export interface SoakArguments {
  readonly seed: number
  /** Runs this many seeds or for `minutes`, whichever comes first. */
  readonly seeds: number
  readonly minutes: number
  readonly variants: readonly Variant[]
  readonly actions: number
  /** How many systemd instances run at the same time. */
  readonly rigs: number
  /** Time limit for shrinking a failing seed. */
  readonly shrinkMs: number
}

export const USAGE = `npm run soak -- [--minutes N] [--seeds N] [--seed S] [--variant ${VARIANTS.join('|')}] [--actions N]
               [--rigs N] [--shrink SECONDS]
  connected: the agent receives every signal and must count exactly. killed: the agent is killed at random and restarts
  with its files or with an older state. twice: it is killed again within a second. bus: the bus daemon is killed at random. Default: all variants in turn.`

/** Throws an error with a message for the user if an argument is invalid. */
export function parseSoakArguments(args: readonly string[]): SoakArguments {
  const option = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: option,
      seeds: option,
      seed: option,
      variant: option,
      actions: option,
      rigs: option,
      shrink: option,
    },
  })
  const number = (name: keyof typeof values, fallback: number): number => {
    const value = values[name] === undefined ? fallback : Number(values[name])
    if (!(value >= 0)) throw new Error(`--${name} requires a number, not '${values[name]}'`)
    return value
  }
  const variants = values.variant === undefined ? VARIANTS : VARIANTS.filter((v) => v === values.variant)
  if (variants.length === 0) throw new Error(`--variant must be one of ${VARIANTS.join(', ')}, not '${values.variant}'`)
  const timed = values.minutes !== undefined
  return {
    seed: number('seed', Math.floor(Math.random() * 1_000_000)),
    seeds: number('seeds', timed ? Infinity : 1),
    minutes: number('minutes', Infinity),
    variants,
    actions: number('actions', 60),
    rigs: number('rigs', 3),
    shrinkMs: 1000 * number('shrink', 120),
  }
}
