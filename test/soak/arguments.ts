// What the soak is asked for on its command line.
import { parseArgs } from 'node:util'
import { VARIANTS, type Variant } from './plan.ts'

export interface Asked {
  readonly seed: number
  /** Runs so many seeds, or until the time is over, whichever comes first. */
  readonly seeds: number
  readonly minutes: number
  readonly variants: readonly Variant[]
  readonly actions: number
  /** Systemds at once. */
  readonly rigs: number
  /** How long a failing seed is made smaller. */
  readonly shrinkMs: number
}

export const USAGE = `npm run soak -- [--minutes N] [--seeds N] [--seed S] [--variant ${VARIANTS.join('|')}] [--actions N]
               [--rigs N] [--shrink SECONDS]
  heard: the agent hears everything, and must count exactly. killed: it is killed at random and knows only what it
  knew some time before. bus: the bus daemon is killed at random. Without --variant, all in turn.`

/** Throws in words on what it does not understand. */
export function asked(args: readonly string[]): Asked {
  const option = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ minutes: option, seeds: option, seed: option, variant: option },
      ...{ actions: option, rigs: option, shrink: option },
    },
  })
  const number = (name: keyof typeof values, otherwise: number): number => {
    const value = values[name] === undefined ? otherwise : Number(values[name])
    if (!(value >= 0)) throw new Error(`--${name} needs a number, not ${values[name]}`)
    return value
  }
  const variants = values.variant === undefined ? VARIANTS : VARIANTS.filter((v) => v === values.variant)
  if (variants.length === 0) throw new Error(`--variant is one of ${VARIANTS.join(', ')}, not ${values.variant}`)
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
