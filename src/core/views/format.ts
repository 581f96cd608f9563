// Formats values for users: ages, unit names, causes, plurals.

/** `59s`, `12m`, `23h`, `45d`: at most five characters for 27 years. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
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
