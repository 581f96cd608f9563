// Content negotiation: how much a client wants a format or a content coding (RFC 9110, 12.4.2, 12.5.1 and 12.5.3).

/** Something that can be sent: a media type (`text/plain`) or a content coding (`gzip`), in lower case. */
interface Representation {
  readonly name: string
  /** The values of the parameter `version` that it satisfies; absent: any. Other parameters do not matter. */
  readonly versions?: readonly string[]
}

interface Preference {
  /** 0 (not acceptable) to 1; null: the header does not mention it. */
  readonly quality: number | null
  /** True if the header names it; false if only a wildcard includes it. */
  readonly named: boolean
}

/** Browsers and Prometheus send up to 300 characters. Longer headers are ignored, because they take time to read. */
const CHARACTERS_AT_MOST = 2_048

/** The preference of the most specific range that includes it; of equal ones, the highest quality. */
export function preferenceFor(header: string, representation: Representation): Preference {
  let best: Range | null = null
  let bestSpecificity = -1
  const ranges = header.length > CHARACTERS_AT_MOST ? [] : split(header, ',').map(rangeOf)
  for (const range of ranges) {
    const specificity = specificityFor(range, representation)
    if (specificity < 0 || specificity < bestSpecificity) continue
    if (best !== null && specificity === bestSpecificity && range.quality <= best.quality) continue
    best = range
    bestSpecificity = specificity
  }
  return { quality: best?.quality ?? null, named: bestSpecificity >= NAMED }
}

/**
 * Whether a client wants the `special` format rather than the usual one. At the same quality only if it names it: a
 * client that accepts anything gets the usual one, and so does one that accepts neither.
 */
export function prefers(accept: string, special: Representation, usual: Representation): boolean {
  const { quality, named } = preferenceFor(accept, special)
  const wanted = quality ?? 0
  const other = preferenceFor(accept, usual).quality ?? 0
  return wanted > other || (named && wanted > 0 && wanted === other)
}

/** `of`, which keeps its last result: a client that scrapes sends the same header each time, and reading it takes time. */
export function keepingLast<T>(of: (header: string) => T): (header: string) => T {
  let last: { readonly header: string; readonly result: T } | null = null
  return (header) => {
    if (last?.header !== header) last = { header, result: of(header) }
    return last.result
  }
}

/** A member of the header: `text/*;q=0.5`. */
interface Range {
  readonly name: string
  readonly version: string | null
  readonly quality: number
}

function rangeOf(text: string): Range {
  const [name = '', ...parameters] = split(text, ';').map((part) => part.trim().toLowerCase())
  const value = (key: string) => parameters.find((p) => p.startsWith(`${key}=`))?.slice(key.length + 1) ?? null
  const q = Number(value('q') ?? 1)
  return { name, version: value('version')?.replaceAll('"', '') ?? null, quality: q >= 0 && q <= 1 ? q : 0 }
}

/** From here on, a range names the representation. */
const NAMED = 2

/** -1: the range does not include it; 0: it includes everything; 1: the whole type; 2: named; 3: with its version. */
function specificityFor({ name, version }: Range, { name: wanted, versions }: Representation): number {
  if (name === wanted) {
    if (version === null || versions === undefined) return NAMED
    return versions.includes(version) ? NAMED + 1 : -1
  }
  if (name === '*/*' || name === '*') return 0
  return name.endsWith('/*') && wanted.startsWith(name.slice(0, -1)) ? 1 : -1
}

/** Splits at the separator, but not inside quoted strings. */
function split(text: string, separator: ',' | ';'): readonly string[] {
  return text.match(separator === ',' ? /(?:[^,"]|"(?:[^\\"]|\\.)*"?)+/g : /(?:[^;"]|"(?:[^\\"]|\\.)*"?)+/g) ?? []
}
