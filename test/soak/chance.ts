// Chance from a seed: the same number gives the same choices again.
export interface Chance {
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number
  /** True in so many of a hundred cases. */
  percent(percentage: number): boolean
  one<T>(of: readonly T[]): T
  shuffled<T>(of: readonly T[]): T[]
}

/** mulberry32: 32 bits of state are plenty for choices. */
export function chance(seed: number): Chance {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const self: Chance = {
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    percent: (percentage) => next() * 100 < percentage,
    one(of) {
      const chosen = of[self.whole(0, of.length - 1)]
      if (chosen === undefined) throw new Error('nothing to choose from')
      return chosen
    },
    shuffled(of) {
      return of
        .map((value) => ({ value, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ value }) => value)
    },
  }
  return self
}
