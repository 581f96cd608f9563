// Formats values for users: ages, unit names, causes, plurals, text from elsewhere.

/** `59s`, `12m`, `23h`, `45d`: at most five characters for 27 years. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** `120 ms`, `4.2 s`, `5 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 days`: in sentences. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 9_950) return `${Number((ms / 1000).toFixed(1))} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return twoUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 48 * 60) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  return `${Math.floor(minutes / 1440)} days`
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/** `512 KiB`, `61.2 MiB`, `1.50 GiB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1 << 20) return `${(bytes / 1024).toFixed(0)} KiB`
  return bytes < 1 << 30 ? `${(bytes / (1 << 20)).toFixed(1)} MiB` : `${(bytes / (1 << 30)).toFixed(2)} GiB`
}

/** This program did not exist before 2025: a clock that shows an earlier time was not set. */
export function isClockUnset(wallMs: number): boolean {
  return wallMs < 1_735_689_600_000
}

/** The age of a timestamp; null if it is unknown, because the clock was not set when the timestamp was taken, and now is. */
export function ageOf(timestamp: string, nowMs: number): string | null {
  const atMs = Date.parse(timestamp)
  return isClockUnset(atMs) && !isClockUnset(nowMs) ? null : age(nowMs - atMs)
}

/** The name without `.service`, as users write it. */
export function shortName(unit: string): string {
  return unit.replace(/\.service$/, '')
}

/** `SIGKILL`, `exit 3`, `watchdog`, `timeout`. */
export function causeText(cause: { result: string; exit_code: number | null; signal: string | null }): string {
  if (cause.result === 'signal' || cause.result === 'core-dump') return cause.signal ?? cause.result
  if (cause.result === 'exit-code' && cause.exit_code !== null) return `exit ${cause.exit_code}`
  return cause.result
}

/** `1 unit`, `2 units`; `many` for irregular plurals. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** The first `atMost` of the texts, and how many more there are. */
export function firstFew(texts: readonly string[], atMost: number): readonly string[] {
  const more = texts.length - atMost
  return more <= 0 ? texts : [...texts.slice(0, atMost), `and ${more} more`]
}

/**
 * Escapes control characters, so that a message stays on one line and cannot move the terminal's cursor. `charactersAtMost`
 * is for messages that quote a file: the rest of the text is left out.
 */
export function oneLine(message: string, charactersAtMost = Number.POSITIVE_INFINITY): string {
  const start = message.slice(0, charactersAtMost)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches
  const text = start.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) =>
    c === '\n' ? '\\n' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  const isWhole = message.length <= charactersAtMost && text.length <= charactersAtMost
  return isWhole ? text : `${text.slice(0, charactersAtMost)}...`
}

/** Of a message that quotes a file. */
export const MESSAGE_CHARACTERS_AT_MOST = 1_000

/** A value of a file in a message: JSON, at most 80 characters. `replacer` as for JSON.stringify. */
export function jsonText(value: unknown, replacer?: (key: string, part: unknown) => unknown): string {
  const text = JSON.stringify(value, replacer) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
