// Value types of the configuration: a valibot schema, a description, and a parser for plain text.
import * as v from 'valibot'
import type { Parsed } from '../core/unit-name.ts'

export interface ValueType<T> {
  /** What is accepted, worded to follow "is not": `a whole number from 0 to 65535`. */
  readonly expected: string
  readonly schema: v.GenericSchema<unknown, T>
  /** Parses the text of a variable or an option into the JSON value; invalid text is returned unchanged. */
  readonly fromText: (text: string) => unknown
  /** True if the value is a list: several texts make one value. */
  readonly list?: true
}

const same = (text: string) => text

/** A type whose values `read` parses from text, or describes as wrong. */
export function textType<T>(expected: string, read: (text: string) => Parsed<T>): ValueType<T> {
  const schema = v.pipe(
    v.string(`is not ${expected}`),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const result = read(dataset.value)
      if ('value' in result) return result.value
      addIssue({ message: result.wrong })
      return NEVER
    }),
  )
  return { expected, schema, fromText: same }
}

const BOOLEAN_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
}

export const bool: ValueType<boolean> = {
  expected: 'true or false',
  schema: v.boolean('is not true or false'),
  fromText: (text) => BOOLEAN_WORDS[text.toLowerCase()] ?? text,
}

/** True, false, or one word. */
export function boolOr<const T extends string>(word: T): ValueType<boolean | T> {
  const expected = `true, false or "${word}"`
  return { expected, schema: v.union([v.boolean(), v.literal(word)], `is not ${expected}`), fromText: bool.fromText }
}

/** A whole number within limits, both included. */
export function integer(min: number, max: number): ValueType<number> {
  const expected = `a whole number from ${min} to ${max}`
  const message = `is not ${expected}`
  return {
    expected,
    schema: v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message)),
    fromText: (text) => (/^[+-]?\d{1,15}$/.test(text.trim()) ? Number(text) : text),
  }
}

export function oneOf<const T extends string>(...words: readonly [T, ...T[]]): ValueType<T> {
  const expected = words.join(' or ')
  return { expected, schema: v.picklist(words, `is not ${expected}`), fromText: same }
}

/** The same type, in which null, `""` and an absent value mean "none". */
export function orNone<T>(type: ValueType<T>): ValueType<T | null> {
  const blank = v.pipe(
    v.literal(''),
    v.transform(() => null),
  )
  const schema = v.lazy((input): v.GenericSchema<unknown, T | null> => {
    if (input === null) return v.null()
    return input === '' ? blank : type.schema
  })
  return { expected: type.expected, schema, fromText: type.fromText }
}

/** A list of at least `least` elements; `what` is their plural. Text is split at commas. Duplicates are dropped. */
export function listOf<T>(what: string, element: ValueType<T>, least = 0): ValueType<readonly T[]> {
  return {
    expected: `a list of ${what}`,
    schema: v.pipe(
      v.array(element.schema, `is not a list of ${what}`),
      v.minLength(least, `is empty, expected at least ${least}`),
      v.transform((all): readonly T[] => [...new Set(all)]),
    ),
    // A comma within braces or quotes belongs to a selector.
    fromText: (text) =>
      (text.match(/(?:\{(?:"(?:\\.|[^"\\])*"|[^}"])*\}|[^,{])+|\{/g) ?? [])
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map(element.fromText),
    list: true,
  }
}
