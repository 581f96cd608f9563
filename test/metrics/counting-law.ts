// The counting law, checked in the text of a scrape: starts = stops + crashes + lost + (1 if running).

/** Units whose counts do not add up, with these counts; the same for both formats. */
export function unbalanced(body: string): string[] {
  const counts = new Map<string, Record<string, number>>()
  const counters = /^(?:systemd_service|gatewatch_unit)_(starts|stops|crashes|lost)_total\{service="([^"]*)"\} (\d+)$/gm
  const running = /^gatewatch_unit_(running)\{service="([^"]*)"\} (\d+)$/gm
  for (const [, what = '', unit = '', value] of [...body.matchAll(counters), ...body.matchAll(running)]) {
    counts.set(unit, { ...counts.get(unit), [what]: Number(value) })
  }
  return [...counts].flatMap(([unit, count]) => {
    const { starts = Number.NaN, stops = 0, crashes = 0, lost = 0, running: open = 0 } = count
    return starts === stops + crashes + lost + open ? [] : [`${unit} ${JSON.stringify(count)}`]
  })
}
