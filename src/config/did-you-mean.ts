// The nearest known word, for errors about unknown ones.
import leven, { closestMatch } from 'leven'

/** ` (did you mean --listen?)`, or the nearest one all the same where it is far. Empty only where nothing is known. */
export function didYouMean(word: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const bare = word.replace(/^-+/, '')
  const hasPart = (one: string) => one.split(/[._-]+/).some((part) => part.length > 2 && leven(part, bare) <= 1)
  const part = known.filter((one) => hasPart(one) || one.endsWith(word) || word.startsWith(one))
  const near = closestMatch(word, known) ?? ''
  if (leven(word, near) <= Math.max(2, Math.floor(word.length / 3))) return `did you mean ${near}?`
  return part[0] ? `did you mean ${part[0]}?` : `the nearest known one is ${near}`
}
