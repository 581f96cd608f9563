// A fuzz target: how inputs for one parser of foreign data are generated, and what must hold for each of them.
import type fc from 'fast-check'

export interface FuzzTarget<T> {
  /** The inputs; `corpus` has those of the tree, to start from. The same seed always yields the same inputs. */
  inputs(corpus: readonly T[]): fc.Arbitrary<T>
  /** Reads a file of the corpus. */
  read(file: Buffer): T
  /** Writes a file of the corpus. */
  write(input: T): string | Buffer
  /** Throws if a property does not hold. */
  check(input: T): void | Promise<void>
  /** CPU time that no input may take: far above what is usual, and far below what a quadratic cost would take. */
  readonly cpuMsAtMost: number
}

/** A property that does not hold. */
export function assert(holds: boolean, property: () => string): asserts holds {
  if (!holds) throw new Error(property())
}

/** For `read` and `write` of targets whose input is a text. */
export const TEXT_FILES = {
  read: (file: Buffer) => file.toString('utf8'),
  write: (input: string) => input,
}

/** For targets whose input is a structure of JSON values. */
export function jsonFiles<T>() {
  return {
    read: (file: Buffer) => JSON.parse(file.toString('utf8')) as T,
    write: (input: T) => `${JSON.stringify(input)}\n`,
  }
}

/** For targets whose input is bytes: lines of hexadecimal bytes, with a comment after `#`. */
export const HEX_FILES = {
  read: (file: Buffer) => Buffer.from(file.toString('utf8').replace(/#.*|\s/g, ''), 'hex'),
  write: (input: Buffer) => `${(input.toString('hex').match(/.{1,32}/g) ?? []).join('\n')}\n`,
}

/** True for a message without control characters: it stays on one line of a log, and of a terminal. */
export function isOneLine(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return !/[\u0000-\u001f\u007f]/.test(text)
}
