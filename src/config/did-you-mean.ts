// Suggests a known word for an unknown one, in errors about unknown options, commands and keys.
import leven, { closestMatch } from 'leven'

/**
 * `: did you mean --listen?`, to follow the unknown word; empty if no known word is near. `otherNames` are the names under
 * which other programs have a known word.
 */
export function didYouMean(
  word: string,
  known: readonly string[],
  otherNames: ReadonlyMap<string, string> = new Map(),
): string {
  const bare = word.replace(/^-+/, '')
  const closest = closestMatch(word, known)
  const near = closest !== undefined && leven(word, closest) <= editsAtMost(bare) ? closest : undefined
  const match =
    otherNames.get(word) ??
    near ??
    known.find((one) => bare.length > 2 && partsOf(one).includes(bare)) ??
    known.find((one) => isPartOf(bare, one))
  return match === undefined ? '' : `: did you mean ${match}?`
}

/**
 * Two adjacent letters that changed places are two edits. Of three letters, two edits would leave almost nothing. Of a key
 * such as mqtt.url, what precedes the last dot is usually right and makes no other key near.
 */
function editsAtMost(word: string): number {
  const { length } = word.slice(word.lastIndexOf('.') + 1)
  return length < 2 ? 0 : Math.floor((length + 2) / 3)
}

function partsOf(one: string): string[] {
  return one.split(/[._-]+/)
}

/** `port` is a part of `--prometheus-port`, `url` of `mqtt.url`; and `mqtt-url` has all of `mqtt`. */
function isPartOf(word: string, one: string): boolean {
  if (word.length < 3) return false
  const known = one.replace(/^-+/, '')
  return (
    partsOf(known).some((part) => part.length > 2 && leven(part, word) <= 1) ||
    known.startsWith(word) ||
    known.endsWith(word) ||
    (known.length > 2 && word.startsWith(known))
  )
}
