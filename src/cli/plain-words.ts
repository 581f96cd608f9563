// Prepares the command line for minimist: every option becomes one word `--name=value`, which cannot be misunderstood.
import { didYouMean } from '../config/did-you-mean.ts'
import { rowOf } from '../config/keys.ts'
import { isCommand } from './command-table.ts'
import { FLAGS, type FlagTarget, valueName } from './flags.ts'
import { UsageError } from './usage-error.ts'

/**
 * The words for minimist: operands as they are, options as `--name=value` or `-n=value` in the spelling that was used,
 * one word per value, with an empty value where the option takes none. Only the last word of an option remains, unless
 * it is a list. Throws `UsageError` for an unknown option and for a missing or unexpected value.
 */
export function plainWords(argv: readonly string[]): string[] {
  const words = [...argv]
  const plain: { readonly target: FlagTarget | null; readonly word: string }[] = []
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') return [...plain.map((one) => one.word), '--', ...words]
    if (!word.startsWith('-') || word === '-') {
      plain.push({ target: null, word })
      continue
    }
    const { target, spelling, attached } = findFlag(word)
    const hasCommand = plain.some((one) => one.target === null)
    const values = valuesOf(target, spelling, attached, words, hasCommand)
    const before = isList(target) ? -1 : plain.findIndex((one) => one.target === target)
    if (before >= 0) plain.splice(before, 1)
    plain.push(...(values.length > 0 ? values : ['']).map((value) => ({ target, word: `${spelling}=${value}` })))
  }
  return plain.map((one) => one.word)
}

function findFlag(word: string): { target: FlagTarget; spelling: string; attached: string | null } {
  const [, spelling = word, attached = null] = /^(--[^=]*)=(.*)$/s.exec(word) ?? /^(-[^-])=?(.+)$/s.exec(word) ?? []
  const target = FLAGS.get(spelling)
  if (target) return { target, spelling, attached }
  const known = [...FLAGS.keys()].filter((flag) => flag.startsWith('--') === word.startsWith('--'))
  const hint = word.startsWith('--') ? didYouMean(spelling, known) : `: short options are ${known.join(' ')}`
  throw new UsageError(`unknown option ${spelling}${hint}`)
}

/** The values of an option, none if it takes none; removes them from `words`. */
function valuesOf(target: FlagTarget, spelling: string, attached: string | null, words: string[], hasCommand: boolean) {
  const name = valueName(target)
  if (name === undefined) {
    if (attached !== null) throw new UsageError(`${spelling} takes no value, but got "${attached}"`)
    return []
  }
  const many = target.kind === 'key' && target.flag.many
  const values = attached === null ? [] : [attached]
  const isValue = (word: string | undefined) => word !== undefined && !/^-[^0-9]/.test(word)
  if (attached === null && isValue(words[0])) values.push(words.shift() as string)
  if (values.length === 0) throw new UsageError(`${spelling} requires a value: ${spelling} ${name}`)
  // A command name ends the list, unless the command came first. A unit called `run` can be written run.service.
  while (many && attached === null && isValue(words[0]) && (hasCommand || !isCommand(words[0] as string))) {
    values.push(words.shift() as string)
  }
  return values
}

function isList(target: FlagTarget): boolean {
  return target.kind === 'key' && rowOf(target.key).type.list === true
}
