// The signature of a crash: a short hash that is the same for the same fault on every gateway. Pure.
import type { Cause } from './evidence.ts'

/** Longer lines are cut: what follows is rarely the fault itself. */
const LINE_AT_MOST = 200
/** Before that: the service chooses the line, and the patterns take a time that grows faster than its length. */
const INPUT_AT_MOST = 1000

/**
 * 12 hex digits. `detail`: the topmost named frame or the normalised last error line; empty if neither is known. Whether
 * a core was dumped depends on the settings of the gateway, so it makes no difference; nor does the instance of a unit.
 */
export function signatureOf(unit: string, cause: Cause, detail = ''): string {
  const result = cause.result === 'core-dump' ? 'signal' : cause.result
  const template = unit.replace(/@[^@]*(?=\.[a-z]+$)/, '@')
  return hashOf([template, result, cause.exitCode ?? '', cause.signal ?? '', detail].join('\n'))
}

/** The text without what differs from one occurrence to the next: times, numbers, addresses, ids and paths. */
export function normalizedLine(line: string): string {
  return line
    .slice(0, INPUT_AT_MOST)
    .replace(/(?<![\w.])~?\/[^\s:'"`,;)\]}>]*/g, '/')
    .replace(/\b0x[0-9a-f]+\b/gi, '#')
    .replace(/\b(?=[a-f-]*\d)[0-9a-f]{4,}(?:-[0-9a-f]{4,})*\b/gi, '#')
    .replace(/\d+/g, '#')
    .replace(/#[A-Z]?(?:[.:,+ -]*#[A-Z]?)+(?![a-z])/g, '#')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LINE_AT_MOST)
}

/** 48 bits of a multiplying hash of two 32-bit states: no protection against intent, which a signature does not need. */
function hashOf(text: string): string {
  let [a, b] = [0xdeadbeef, 0x41c6ce57]
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return ((b >>> 0) * 0x10000 + ((a >>> 0) >>> 16)).toString(16).padStart(12, '0')
}
