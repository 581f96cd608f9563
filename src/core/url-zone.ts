// The zone of an IPv6 address in a URL (`mqtt://[fe80::1%25eth0]`), which the URL parser rejects.

export interface UrlWithoutZone {
  readonly url: string
  /** The name of a network interface; null if the URL has none. */
  readonly zone: string | null
}

/** RFC 6874: `%25` and the zone; a plain `%` is accepted too, as most programs do. */
export function withoutZone(text: string): UrlWithoutZone {
  const [, before, zone, after] =
    /^([a-z][a-z0-9+.-]*:\/\/(?:[^/]*@)?\[[0-9a-f:.]+)%(?:25)?([\w.~-]+)(\].*)$/is.exec(text) ?? []
  return zone === undefined ? { url: text, zone: null } : { url: `${before}${after}`, zone }
}
