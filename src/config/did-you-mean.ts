// Suggests the closest known word, for errors about unknown options, commands and keys.
import leven, { closestMatch } from 'leven'

/** `did you mean --listen?`, or `the closest match is --listen` if the words differ much. Empty only if `known` is. */
export function didYouMean(word: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const bare = word.replace(/^-+/, '')
  const hasPart = (one: string) => one.split(/[._-]+/).some((part) => part.length > 2 && leven(part, bare) <= 1)
  const part = known.filter((one) => hasPart(one) || one.endsWith(word) || word.startsWith(one))
  const near = closestMatch(word, known) ?? ''
  if (leven(word, near) <= Math.max(2, Math.floor(word.length / 3))) return `did you mean ${near}?`
  return part[0] ? `did you mean ${part[0]}?` : `the closest match is ${near}`
}
