// Parses the times that `systemctl show` prints (systemd.time(7)) into microseconds. Pure.

/** `Thu 2026-11-26 15:10:57.123456 UTC`, as printed with `--timestamp=us+utc`; 0 for never. */
export function timestampUs(text: string): number {
  const [, date, time, us = '0'] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{6}))? UTC$/.exec(text) ?? []
  return date === undefined ? 0 : Date.parse(`${date}T${time}Z`) * 1000 + Number(us)
}

const US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1000,
  s: 1e6,
  min: 60e6,
  h: 3600e6,
  d: 86_400e6,
  w: 7 * 86_400e6,
  month: 2_629_800e6,
  y: 31_557_600e6,
}

/** `1min 30s`; null if the text is not a time span (`infinity`). */
export function timespanUs(text: string): number | null {
  const parts = [...text.matchAll(/([\d.]+)\s*([a-z]+)/g)]
  return parts.length === 0
    ? null
    : Math.round(parts.reduce((us, [, n, unit = '']) => us + Number(n) * (US[unit] ?? 1), 0))
}
