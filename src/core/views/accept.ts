// The Accept header of HTTP: which of two formats a client prefers (RFC 9110, 12.5.1).

export interface MediaRange {
  readonly type: string
  /** The parameter `version`, without quotes; null if absent. */
  readonly version: string | null
}

/** Whether the client names the `special` format and does not prefer the usual one. */
export function prefers(
  accept: string,
  special: (range: MediaRange) => boolean,
  usual: (range: MediaRange) => boolean,
): boolean {
  const ranges = accept.split(',').map(rangeOf)
  const best = (fits: (range: MediaRange) => boolean) => Math.max(0, ...ranges.filter(fits).map(({ q }) => q))
  return best(special) > 0 && best(special) >= best(usual)
}

function rangeOf(text: string): MediaRange & { readonly q: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const value = (name: string) => parameters.find((p) => p.startsWith(`${name}=`))?.slice(name.length + 1) ?? null
  const q = Number(value('q') ?? 1)
  return { type, version: value('version')?.replaceAll('"', '') ?? null, q: q >= 0 && q <= 1 ? q : 0 }
}
