// Whose name a request may use for this gateway: the guard against DNS rebinding. Pure.
import { isIP } from 'node:net'

/** The host of a `Host` header without its port, in lower case; null where it is none. */
function hostOf(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:/@\s]+))(?::\d{1,5})?$/i.exec(header)
  return match === null ? null : (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '')
}

/**
 * True for IP literals (no name, so nothing to rebind), localhost, the host's own names and those configured. Without
 * the header (HTTP/1.0) it is no browser. `names` are in lower case.
 */
export function isKnownHost(header: string | undefined, names: ReadonlySet<string>): boolean {
  if (header === undefined) return true
  const host = hostOf(header)
  if (host === null) return false
  return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || names.has(host)
}

/**
 * True without an Origin (no page asks), for a page of this very server, and for one of a configured name: behind a
 * proxy the two headers may differ. `configured` is in lower case.
 */
export function isKnownOrigin(
  origin: string | undefined,
  host: string | undefined,
  configured: ReadonlySet<string>,
): boolean {
  if (origin === undefined) return true
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  return page.host !== '' && (page.host === host?.toLowerCase() || configured.has(page.hostname))
}

/** The names under which a host is known to its neighbours: as it calls itself, shortened, and by mDNS. */
export function ownNames(hostname: string): readonly string[] {
  const whole = hostname.toLowerCase()
  const short = whole.split('.')[0] ?? whole
  return [whole, short, `${short}.local`]
}
