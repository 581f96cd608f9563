// Pseudo-random choices from a seed: the same seed gives the same choices.
export interface Random {
  /** An integer from `from` to `to`, both inclusive. */
  whole(from: number, to: number): number
  /** True with this probability. */
  percent(percentage: number): boolean
  one<T>(values: readonly T[]): T
  shuffled<T>(values: readonly T[]): T[]
}

/** mulberry32: 32 bits of state suffice here. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const self: Random = {
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    percent: (percentage) => next() * 100 < percentage,
    one(values) {
      const chosen = values[self.whole(0, values.length - 1)]
      if (chosen === undefined) throw new Error('nothing to choose from')
      return chosen
    },
    shuffled(values) {
      return values
        .map((value) => ({ value, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ value }) => value)
    },
  }
  return self
}
